using System.Globalization;
using System.Text;
using System.Text.Json;
using Serverless.Local.FunctionsHost.App;
using Serverless.Local.FunctionsHost.Events;

namespace Serverless.Local.FunctionsHost.Protocol;

/// <summary>Where a batch came from.</summary>
/// <param name="FullyQualifiedNamespace">Namespace.</param>
/// <param name="Hub">Event hub.</param>
/// <param name="ConsumerGroup">Consumer group.</param>
/// <param name="PartitionId">Partition.</param>
/// <param name="IsCheckpointing">Whether the checkpoint moves after this invocation.</param>
internal sealed record PartitionContext(string FullyQualifiedNamespace, string Hub, string ConsumerGroup, string PartitionId, bool IsCheckpointing)
{
    public string Json => new HostText(256)
        .Raw("{"u8).Name("IsCheckpointingAfterInvocation").Raw(IsCheckpointing ? "true"u8 : "false"u8)
        .Raw(","u8).Name("FullyQualifiedNamespace").Text(FullyQualifiedNamespace)
        .Raw(","u8).Name("EventHubName").Text(Hub)
        .Raw(","u8).Name("ConsumerGroup").Text(ConsumerGroup)
        .Raw(","u8).Name("PartitionId").Text(PartitionId)
        .Raw("}"u8).ToString();
}

/// <summary>The request of an Event Hubs trigger, in each of its shapes (cardinality × data type).</summary>
internal static class EventsBody
{
    /// <summary>Cardinality many.</summary>
    /// <exception cref="JsonException">No data type was set and an event is not JSON: the invocation fails before the handler is called
    /// (a trap: one event takes the batch with it).</exception>
    public static HostText Many(
        string binding, EventDataType dataType, PartitionContext partition, IReadOnlyList<HubEvent> events, Sys sys, RetryContext? retry)
    {
        var text = new HostText(4096 + events.Sum(item => item.Body.Length) * 3 / 2 + events.Count * 1024);
        var inner = new HostText(events.Sum(item => item.Body.Length) * 3 / 2 + events.Count * 1024);
        text.Raw("""{"Data":{"""u8).Name(binding).Quoted(Array(inner, events, (to, item) => Body(to, item, dataType)))
            .Raw("""},"Metadata":{"""u8).Name("PartitionContext").Raw(partition.Json)
            .Raw(","u8).Name("PartitionKeyArray").Quoted(Array(inner, events, (to, item) => to.Value(item.PartitionKey)))
            .Raw(","u8).Name("OffsetArray").Quoted(Array(inner, events, (to, item) => to.Text(item.Offset)))
            .Raw(","u8).Name("SequenceNumberArray").Quoted(Array(inner, events, (to, item) => to.Number(item.SequenceNumber)))
            .Raw(","u8).Name("EnqueuedTimeUtcArray").Quoted(Array(inner, events, (to, item) => to.Text(HostTime.Bare(item.EnqueuedAt))))
            .Raw(","u8).Name("PropertiesArray").Quoted(Array(inner, events, (to, item) => to.Members(item.Properties)))
            .Raw(","u8).Name("SystemPropertiesArray").Quoted(Array(inner, events, (to, item) => to.Members(item.AllSystemProperties())))
            .Raw(","u8).Name("sys").Raw(sys.Json);
        if (retry is not null) text.Raw(","u8).Name("RetryContext").Raw(retry.Json);
        return text.Raw("}}"u8);
    }

    /// <summary>Cardinality one. Members of a JSON body replace metadata, even <c>SystemProperties</c> (a trap: a device can forge its id).</summary>
    public static HostText One(string binding, EventDataType dataType, PartitionContext partition, HubEvent item, Sys sys, RetryContext? retry)
    {
        var text = new HostText(4096 + item.Body.Length * 2).Raw("""{"Data":{"""u8).Name(binding);
        if (dataType == EventDataType.Binary) text.Base64(item.Body.Span);
        else text.Quoted(new HostText(item.Body.Length * 2).Text(Encoding.UTF8.GetString(item.Body.Span)));

        var metadata = new Metadata().Put("PartitionContext", partition.Json);
        if (item.PartitionKey is not null) metadata.Put("PartitionKey", BodyMembers.Scalar(item.PartitionKey));
        metadata
            .Put("Offset", new HostText().Text(item.Offset).ToString())
            .Put("SequenceNumber", new HostText().Text(item.SequenceNumber.ToString(CultureInfo.InvariantCulture)).ToString())
            .Put("EnqueuedTimeUtc", new HostText().Text(HostTime.BareSeconds(item.EnqueuedAt)).ToString())
            .Put("Properties", new HostText().Members(item.Properties).ToString())
            .Put("SystemProperties", new HostText().Members(item.AllSystemProperties()).ToString())
            .Put("sys", sys.Json);
        if (dataType != EventDataType.Binary)
        {
            foreach (var (name, json) in BodyMembers.Of(item.Body)) metadata.Put(name, json);
        }

        if (retry is not null) metadata.Put("RetryContext", retry.Json);
        text.Raw("""},"Metadata":"""u8);
        metadata.WriteTo(text);
        return text.Raw("}"u8);
    }

    private static HostText Array(HostText into, IReadOnlyList<HubEvent> events, Action<HostText, HubEvent> write)
    {
        into.Clear();
        into.Raw("["u8);
        for (var index = 0; index < events.Count; index++)
        {
            if (index > 0) into.Raw(","u8);
            write(into, events[index]);
        }

        return into.Raw("]"u8);
    }

    private static void Body(HostText text, HubEvent item, EventDataType dataType)
    {
        switch (dataType)
        {
            case EventDataType.Binary:
                text.Base64(item.Body.Span);
                break;
            case EventDataType.String:
                text.Text(Encoding.UTF8.GetString(item.Body.Span)); // invalid UTF-8 becomes U+FFFD: a trap
                break;
            default:
                using (var json = JsonDocument.Parse(item.Body)) text.Raw(json.RootElement.GetRawText());
                break;
        }
    }
}
