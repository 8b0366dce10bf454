namespace Serverless.Local.EventHubs;

/// <summary>The readers of one partition in one consumer group: one with the highest epoch, or up to five without. Thread-safe.</summary>
internal sealed class ReaderGroup
{
    // Event Hubs' quota of concurrent readers without epoch on a partition and group.
    private const int ReadersMax = 5;
    private readonly Lock _gate = new();
    private readonly List<(ReaderEndpoint Reader, long? Epoch)> _readers = [];

    /// <summary>Admits a reader and names those that must go.</summary>
    /// <param name="reader">The new one.</param>
    /// <param name="epoch">Its epoch, if any.</param>
    /// <param name="stolen">Whose link to close with <c>amqp:link:stolen</c>.</param>
    /// <returns><see langword="null"/>, or why not.</returns>
    public Refusal? Admit(ReaderEndpoint reader, long? epoch, out ReaderEndpoint[] stolen)
    {
        stolen = [];
        lock (_gate)
        {
            var highest = _readers.Max(held => held.Epoch);
            if (highest is not null && (epoch is null || epoch < highest))
            {
                return new Refusal("amqp:link:stolen", $"a receiver with epoch '{highest}' exists; one with epoch '{epoch?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}' cannot be created");
            }

            if (epoch is null && _readers.Count >= ReadersMax) return new Refusal("amqp:resource-limit-exceeded", "at most 5 receivers without epoch");
            if (epoch is not null)
            {
                stolen = [.. _readers.Select(held => held.Reader)];
                _readers.Clear();
            }

            _readers.Add((reader, epoch));
            return null;
        }
    }

    /// <summary>Forgets a reader whose link is gone.</summary>
    /// <param name="reader">Which.</param>
    public void Leave(ReaderEndpoint reader)
    {
        lock (_gate) _readers.RemoveAll(held => held.Reader == reader);
    }
}
