using System.Text.RegularExpressions;

namespace Serverless.Local.Storage;

/// <summary>Collects the three lines by which Azurite says where it listens.</summary>
internal sealed partial class StorageReadiness
{
    private readonly TaskCompletionSource<StorageBackends> _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Uri? _blob;
    private Uri? _queue;
    private Uri? _table;

    public Task<StorageBackends> All => _all.Task;

    public void See(string line)
    {
        var match = Listening().Match(line);
        if (!match.Success) return;
        lock (_all)
        {
            var uri = new Uri(match.Groups["uri"].Value);
            if (match.Groups["kind"].Value == "Blob") _blob = uri;
            if (match.Groups["kind"].Value == "Queue") _queue = uri;
            if (match.Groups["kind"].Value == "Table") _table = uri;
            if (_blob is not null && _queue is not null && _table is not null) _all.TrySetResult(new StorageBackends(_blob, _queue, _table));
        }
    }

    [GeneratedRegex(@"Azurite (?<kind>Blob|Queue|Table) service (?:is )?successfully (?:listen|listening|listens) (?:at|on) (?<uri>https://\S+)")]
    private static partial Regex Listening();
}
