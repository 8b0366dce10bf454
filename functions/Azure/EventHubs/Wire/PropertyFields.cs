namespace Serverless.EventHubs.Wire;

/// <summary>The AMQP properties section (OASIS AMQP 1.0 part 3, section 3.2.4): a list whose places have names.</summary>
internal static class PropertyFields
{
    /// <summary>Place of correlation-id.</summary>
    public const int CorrelationId = 5;

    private static readonly string[] Names =
    [
        "message-id", "user-id", "to", "subject", "reply-to", "correlation-id", "content-type", "content-encoding",
        "absolute-expiry-time", "creation-time", "group-id", "group-sequence", "reply-to-group-id",
    ];

    /// <summary>Decodes the fields that are present.</summary>
    /// <param name="list">The section's value, or nothing.</param>
    public static Dictionary<string, object?> Read(ReadOnlySpan<byte> list)
    {
        var fields = new Dictionary<string, object?>(StringComparer.Ordinal);
        if (list.IsEmpty) return fields;
        var items = AmqpReader.Items(list, out var count);
        for (var i = 0; i < Math.Min(count, Names.Length); i++)
        {
            if (AmqpReader.Read(ref items) is { } value) fields[Names[i]] = value;
        }

        return fields;
    }

    /// <summary>Writes a properties section; trailing absent fields are left out, and with them the whole section.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="messageId">message-id.</param>
    /// <param name="userId">user-id, UTF-8.</param>
    /// <param name="correlationId">correlation-id.</param>
    /// <param name="contentType">content-type.</param>
    /// <param name="contentEncoding">content-encoding.</param>
    public static void Write(AmqpWriter writer, string? messageId, string? userId, string? correlationId, string? contentType, string? contentEncoding)
    {
        var count = contentEncoding is not null ? 8 : contentType is not null ? 7 : correlationId is not null ? 6 : userId is not null ? 2 : messageId is not null ? 1 : 0;
        if (count == 0) return;
        writer.Descriptor(0x73);
        var list = writer.Begin(0xd0);
        for (var i = 0; i < count; i++) Field(writer, i, messageId, userId, correlationId, contentType, contentEncoding);
        writer.End(list, count);
    }

    private static void Field(AmqpWriter writer, int place, string? messageId, string? userId, string? correlationId, string? contentType, string? contentEncoding)
    {
        switch (place)
        {
            case 0 when messageId is not null: writer.Text(messageId); break;
            case 1 when userId is not null: writer.Binary(System.Text.Encoding.UTF8.GetBytes(userId)); break;
            case 5 when correlationId is not null: writer.Text(correlationId); break;
            case 6 when contentType is not null: writer.Symbol(contentType); break;
            case 7 when contentEncoding is not null: writer.Symbol(contentEncoding); break;
            default: writer.Null(); break;
        }
    }
}
