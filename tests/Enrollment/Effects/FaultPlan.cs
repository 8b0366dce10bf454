namespace Serverless.Enrollment.Tests.Effects;

/// <summary>How a call to a store or service goes wrong.</summary>
internal enum FaultMode
{
    /// <summary>Nothing happened.</summary>
    Fails,

    /// <summary>It happened, and the answer was lost.</summary>
    FailsAfterLanding,
}

/// <summary>An outage that a test made.</summary>
internal sealed class InjectedOutageException(string call) : IOException($"injected into {call}");

/// <summary>Which calls to the fakes fail, and how. One a world: calls of all fakes are counted together.</summary>
internal sealed class FaultPlan
{
    private readonly Lock _lock = new();
    private readonly List<string> _calls = [];

    /// <summary>Decides for the call of this number and name; <see langword="null"/> lets it pass.</summary>
    public Func<int, string, FaultMode?> Decide { get; set; } = (_, _) => null;

    /// <summary>Names of the calls so far.</summary>
    public IReadOnlyList<string> Calls => _calls;

    /// <summary>One call of a fake.</summary>
    public async Task<T> Call<T>(string name, Func<Task<T>> effect)
    {
        FaultMode? mode;
        lock (_lock)
        {
            mode = Decide(_calls.Count, name);
            _calls.Add(name);
        }

        if (mode is null) return await effect();
        if (mode == FaultMode.FailsAfterLanding) await effect();
        throw new InjectedOutageException(name);
    }
}
