using Serverless.Local.Fleet;
using Serverless.Local.Run.Enrollment;

namespace Serverless.Local.Run.Lifecycle;

/// <summary>A device that is retired during the run.</summary>
/// <param name="Device">Its identity.</param>
/// <param name="Owner">Whose it is.</param>
/// <param name="How">How it ends, for the report.</param>
internal sealed record Retiree(EnrolledDevice Device, string Owner, string How) : IAsyncDisposable
{
    /// <summary>Its id.</summary>
    public string Id => Device.Script.DeviceId;

    /// <summary>The hub it was admitted to.</summary>
    public HubAddress Hub { get; set; } = null!;

    /// <summary>Its session, for those that are online when they end.</summary>
    public SimulatedDevice? Session { get; set; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Session is not null) await Session.DisposeAsync().ConfigureAwait(false);
        Device.Dispose();
    }
}
