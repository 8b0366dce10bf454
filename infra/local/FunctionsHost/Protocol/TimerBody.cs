namespace Serverless.Local.FunctionsHost.Protocol;

/// <summary>When a timer fired and will fire: what the schedule monitor keeps.</summary>
/// <param name="Last">Last firing; <see langword="default"/> before the first.</param>
/// <param name="Next">The next one due.</param>
/// <param name="LastUpdated">When this was written.</param>
public sealed record ScheduleStatus(DateTimeOffset Last, DateTimeOffset Next, DateTimeOffset LastUpdated);

/// <summary>The request of a timer trigger.</summary>
internal static class TimerBody
{
    public static HostText Write(string binding, ScheduleStatus? status, bool isPastDue, Sys sys, RetryContext? retry)
    {
        var text = new HostText(512)
            .Raw("""{"Data":{"""u8).Name(binding)
            .Raw("""{"Schedule":{"AdjustForDST":true},"ScheduleStatus":"""u8);
        if (status is null)
        {
            text.Raw("null"u8);
        }
        else
        {
            text.Raw("{"u8).Name("Last").Text(status.Last == default ? "0001-01-01T00:00:00" : HostTime.WithOffset(status.Last))
                .Raw(","u8).Name("Next").Text(HostTime.WithOffset(status.Next))
                .Raw(","u8).Name("LastUpdated").Text(HostTime.WithOffset(status.LastUpdated)).Raw("}"u8);
        }

        text.Raw(","u8).Name("IsPastDue").Raw(isPastDue ? "true"u8 : "false"u8).Raw("""}},"Metadata":"""u8);
        var metadata = new Metadata().PutSys(sys);
        if (retry is not null) metadata.Put("RetryContext", retry.Json);
        metadata.WriteTo(text);
        return text.Raw("}"u8);
    }
}
