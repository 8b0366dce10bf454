namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>How a call to a store goes wrong.</summary>
internal enum FaultMode
{
    /// <summary>Nothing happened.</summary>
    Fails,

    /// <summary>It happened, and the answer was lost.</summary>
    FailsAfterLanding,

    /// <summary>A first part of it happened, where the store allows parts.</summary>
    FailsHalfway,
}

/// <summary>An outage that a test made.</summary>
internal sealed class InjectedOutageException(string call) : IOException($"injected into {call}");

/// <summary>Which calls to the fakes fail, and how. One a world: calls of all fakes are counted together.</summary>
internal sealed class FaultPlan
{
    private readonly List<string> _calls = [];

    /// <summary>Decides for the call of this number and name; <see langword="null"/> lets it pass.</summary>
    public Func<int, string, FaultMode?> Decide { get; set; } = (_, _) => null;

    /// <summary>Runs before a call, outside of its effect.</summary>
    public Func<string, Task>? Before { get; set; }

    /// <summary>Names of the calls so far.</summary>
    public IReadOnlyList<string> Calls => _calls;

    /// <summary>One call of a fake.</summary>
    /// <param name="name">Store and operation.</param>
    /// <param name="effect">Applies it, wholly or, if given <see langword="true"/>, its first half.</param>
    public async Task Call(string name, Action<bool> effect)
    {
        if (Before is { } before) await before(name);
        var number = _calls.Count;
        _calls.Add(name);
        switch (Decide(number, name))
        {
            case null:
                effect(false);
                return;
            case FaultMode.FailsAfterLanding:
                effect(false);
                break;
            case FaultMode.FailsHalfway:
                effect(true);
                break;
        }

        throw new InjectedOutageException($"{name} (call {number})");
    }
}
