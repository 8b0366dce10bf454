using System.Globalization;
using System.Text.Json;
using Azure;
using Azure.Storage.Blobs;
using Serverless.Local.FunctionsHost.Protocol;

namespace Serverless.Local.FunctionsHost.Timers;

/// <summary>Keeps a timer's status where the real host does: blob <c>timers/{host id}/Host.Functions.{function}/status</c> in container
/// <c>azure-webjobs-hosts</c>. An unreadable one counts as none: at worst an occurrence is not noticed as past due.</summary>
internal sealed class ScheduleMonitor(BlobContainerClient container, string hostId, string function)
{
    private readonly BlobClient _blob = container.GetBlobClient($"timers/{hostId}/Host.Functions.{function}/status");

    public async Task<ScheduleStatus?> Read(CancellationToken cancel)
    {
        try
        {
            var stored = await _blob.DownloadContentAsync(cancel).ConfigureAwait(false);
            using var json = JsonDocument.Parse(stored.Value.Content.ToMemory());
            return new ScheduleStatus(Time(json, "Last"), Time(json, "Next"), Time(json, "LastUpdated"));
        }
        catch (RequestFailedException error) when (error.Status == 404)
        {
            return null;
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }

    public Task Write(ScheduleStatus status, CancellationToken cancel)
    {
        var text = new HostText(256)
            .Raw("{"u8).Name("Last").Text(HostTime.WithOffset(status.Last))
            .Raw(","u8).Name("Next").Text(HostTime.WithOffset(status.Next))
            .Raw(","u8).Name("LastUpdated").Text(HostTime.WithOffset(status.LastUpdated)).Raw("}"u8);
        return _blob.UploadAsync(BinaryData.FromBytes(text.WrittenMemory), overwrite: true, cancel);
    }

    private static DateTimeOffset Time(JsonDocument json, string name) =>
        DateTimeOffset.Parse(json.RootElement.GetProperty(name).GetString()!, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
