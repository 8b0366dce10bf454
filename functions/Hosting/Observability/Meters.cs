using System.Diagnostics.Metrics;

namespace Serverless.Hosting;

/// <summary>What the edge counts. Labels come from our own finite words only: function names, fault codes, outcomes.</summary>
internal sealed class Meters : IDisposable
{
    /// <summary>Meter name; also the prefix exported.</summary>
    public const string Name = "Serverless.Hosting";

    private readonly Meter _meter = new(Name);
    private readonly Counter<long> _batches;
    private readonly Counter<long> _events;
    private readonly Counter<long> _eventFaults;
    private readonly Counter<long> _refusals;
    private readonly Histogram<double> _duration;

    public Meters()
    {
        _batches = _meter.CreateCounter<long>("functions.invocations", "{invocation}", "Trigger calls, by function and outcome.");
        _events = _meter.CreateCounter<long>("functions.events", "{event}", "Events handed to handlers, by function.");
        _eventFaults = _meter.CreateCounter<long>("functions.event.faults", "{event}", "Events the envelope parser refused, by function and fault code.");
        _refusals = _meter.CreateCounter<long>("functions.http.refusals", "{request}", "HTTP requests refused, by fault code.");
        _duration = _meter.CreateHistogram<double>("functions.invocation.duration", "s", "Trigger calls, from first byte to answer.");
    }

    public void Invocation(string function, string outcome, TimeSpan elapsed)
    {
        _batches.Add(1, new("function", function), new("outcome", outcome));
        _duration.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("function", function));
    }

    public void Events(string function, EventBatch batch)
    {
        _events.Add(batch.Count, new KeyValuePair<string, object?>("function", function));
        if (batch.FaultCount == 0) return;
        foreach (var one in batch)
        {
            if (one.Fault is { } fault) _eventFaults.Add(1, new("function", function), new("code", fault.Code));
        }
    }

    public void Refusal(string code) => _refusals.Add(1, new KeyValuePair<string, object?>("code", code));

    public void Dispose() => _meter.Dispose();
}
