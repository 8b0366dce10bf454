using System.Text.Json;
using Serverless.Local.EventHubs;

namespace Serverless.Local;

/// <summary>Where each partition goes on when storage outlives the broker: numbers must never fall back, or every checkpoint kept in
/// storage would skip new events in silence.</summary>
/// <remarks>Not trusted to be exact: a run that ends without saying where it stood leaves the reserve it took at its start, and the next
/// one begins behind that.</remarks>
/// <param name="folder">The data folder.</param>
internal sealed class PartitionHeads(string folder)
{
    // More than a run can append: a day at 100,000 events a second.
    private const long Reserve = 10_000_000_000;

    private string File => Path.Combine(folder, "event-hubs.json");

    /// <summary>Reads where to go on, and takes a reserve in case this run does not end cleanly.</summary>
    /// <param name="hubs">The hubs that will be served.</param>
    public IReadOnlyDictionary<(string Hub, int Partition), PartitionSeed> Take(IReadOnlyList<HubOptions> hubs)
    {
        Directory.CreateDirectory(folder);
        var seeds = System.IO.File.Exists(File) ? Read() : [];
        Write(hubs.SelectMany(hub => Enumerable.Range(0, hub.Partitions).Select(partition =>
        {
            var seed = seeds.GetValueOrDefault((hub.Name, partition)) ?? new PartitionSeed(0, 0);
            return (hub.Name, partition, new PartitionSeed(seed.NextSequenceNumber + Reserve, seed.NextOffset + Reserve));
        })));
        return seeds;
    }

    /// <summary>Writes where this run ended.</summary>
    /// <param name="heads">Every partition's state.</param>
    public void Leave(IEnumerable<PartitionHead> heads) => Write(heads.Select(head => (head.Hub, head.Partition, head.Seed)));

    private Dictionary<(string Hub, int Partition), PartitionSeed> Read()
    {
        using var json = JsonDocument.Parse(System.IO.File.ReadAllBytes(File));
        return json.RootElement.EnumerateArray().ToDictionary(
            row => (row.GetProperty("hub").GetString()!, row.GetProperty("partition").GetInt32()),
            row => new PartitionSeed(row.GetProperty("nextSequenceNumber").GetInt64(), row.GetProperty("nextOffset").GetInt64()));
    }

    private void Write(IEnumerable<(string Hub, int Partition, PartitionSeed Seed)> rows)
    {
        var next = File + ".next";
        using (var file = System.IO.File.Create(next))
        using (var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartArray();
            foreach (var (hub, partition, seed) in rows)
            {
                json.WriteStartObject();
                json.WriteString("hub", hub);
                json.WriteNumber("partition", partition);
                json.WriteNumber("nextSequenceNumber", seed.NextSequenceNumber);
                json.WriteNumber("nextOffset", seed.NextOffset);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        System.IO.File.Move(next, File, overwrite: true);
    }
}
