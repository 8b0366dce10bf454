using Serverless.Hosting;

namespace Serverless.Firmware.Desk;

/// <summary>How releases are worked on. Section <c>Releases</c>.</summary>
/// <remarks>Trusted: at worst releases take longer. None of these changes a verdict.</remarks>
internal sealed record DeskSettings : ISettings<DeskSettings>
{
    /// <inheritdoc/>
    public static string Section => "Releases";

    /// <summary><c>Releases__InlineBytes</c>: images up to this size are hashed and copied while the caller waits; larger ones answer 202 and
    /// are worked on by the timer. 0 to 1 GiB, default 64 MiB: well under the 230 s after which the platform cuts an answer off.</summary>
    public required long InlineBytes { get; init; }

    /// <summary>How long others leave a release alone that a worker has just written: several times the interval in which workers write.</summary>
    public TimeSpan Hold { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How often a worker writes its progress.</summary>
    public TimeSpan ProgressEvery { get; init; } = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public static DeskSettings Read(SettingsReader read) => new()
    {
        InlineBytes = read.Int64("InlineBytes", "bytes", 0, 1L << 30, 64L << 20),
    };
}
