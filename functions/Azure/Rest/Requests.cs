using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Serverless.Rest;

/// <summary>Parts of requests and answers that both services spell the same way.</summary>
internal static class Requests
{
    /// <summary>Longest continuation token that is taken, and sent on.</summary>
    public const int ContinuationMax = 16 * 1024;

    /// <summary>Longest page that is taken, bytes: 100 twins of the largest size are below half of it.</summary>
    public const int PageBytesMax = 16 * 1024 * 1024;

    /// <summary>One path segment. Every character but the unreserved ones is escaped: %, #, ?, + and / would end or change the segment.</summary>
    public static string Segment(string id) => Uri.EscapeDataString(id);

    /// <summary>An If-Match value: <c>"*"</c> for whatever version there is. Quotes are part of the header's grammar (RFC 9110 section 8.8.3).</summary>
    public static string? IfMatch(string? etag) => etag is null ? null : $"\"{etag}\"";

    /// <summary>The headers of one page.</summary>
    /// <exception cref="ArgumentException">A continuation that no page gave.</exception>
    public static IReadOnlyList<(string Name, string Value)> Paging(int size, string? continuation)
    {
        if (continuation is not null && !IsToken(continuation)) throw new ArgumentException("not a continuation of this service", nameof(continuation));
        var count = ("x-ms-max-item-count", size.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return continuation is null ? [count] : [count, ("x-ms-continuation", continuation)];
    }

    /// <summary>Writes a body.</summary>
    public static ReadOnlyMemory<byte> Body<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);

    /// <summary>Reads a body, and maps it.</summary>
    /// <exception cref="ServiceOutageException">It is not what the contract says.</exception>
    public static TResult Read<T, TResult>(this ServiceCaller caller, ServiceCall call, ServiceReply reply, JsonTypeInfo<T> type, Func<T, TResult> map)
    {
        try
        {
            return map(JsonSerializer.Deserialize(reply.Body.Span, type) ?? throw new JsonException("the answer is null"));
        }
        catch (Exception wrong) when (wrong is JsonException or NotSupportedException)
        {
            throw caller.Malformed(call, reply, wrong);
        }
    }

    /// <summary>Reads one page.</summary>
    /// <exception cref="ServiceOutageException">It is not what the contract says, has more items than asked for, or names itself as the next page.</exception>
    public static Page<TResult> ReadPage<T, TResult>(
        this ServiceCaller caller, ServiceCall call, ServiceReply reply, int size, string? continuation, JsonTypeInfo<List<T>> type, Func<T, TResult> map)
    {
        var items = caller.Read(call, reply, type, list =>
        {
            if (list.Count > size) throw new JsonException("more items than asked for");
            return list.ConvertAll(item => map(item ?? throw new JsonException("an item is null")));
        });
        if (reply.Continuation is { } next && (!IsToken(next) || next == continuation)) throw caller.Malformed(call, reply);
        return new Page<TResult>(items, reply.Continuation);
    }

    private static bool IsToken(string text) => text.Length is >= 1 and <= ContinuationMax && text.All(character => character is >= ' ' and < '\x7f');
}
