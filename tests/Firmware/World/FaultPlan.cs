namespace Serverless.Firmware.Tests;

/// <summary>When a call fails.</summary>
internal enum Failing
{
    /// <summary>Nothing of it landed.</summary>
    Before,

    /// <summary>All of it landed; only the answer is lost.</summary>
    AfterLanding,
}

/// <summary>Counts every call to every store and to the vault, and fails one of them; or lets somebody else act before it.</summary>
internal sealed class FaultPlan
{
    /// <summary>Calls so far.</summary>
    public int Calls { get; private set; }

    /// <summary>The call that fails; 0 none.</summary>
    public int FailAt { get; set; }

    public Failing How { get; set; }

    /// <summary>Runs before each call with its number; itself not counted.</summary>
    public Func<int, Task>? Watch { get; set; }

    /// <summary>Names of the calls, in order.</summary>
    public List<string> Names { get; } = [];

    public void Reset() => (Calls, FailAt, Watch) = (0, 0, null);

    public async Task<T> Call<T>(string name, Func<T> work)
    {
        await Task.Yield();
        if (Watch is { } watch)
        {
            Watch = null;
            await watch(Calls + 1);
            Watch = watch;
        }
        Calls++;
        Names.Add(name);
        var fails = Calls == FailAt;
        if (fails && How == Failing.Before) throw new IOException($"injected before {name}");
        var done = work();
        if (fails) throw new IOException($"injected after {name}");
        return done;
    }
}
