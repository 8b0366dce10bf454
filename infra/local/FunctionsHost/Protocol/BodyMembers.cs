using System.Globalization;
using System.Text.Json;

namespace Serverless.Local.FunctionsHost.Protocol;

/// <summary>The trap of binding data: the top-level members of a JSON body join the trigger's metadata, under their own names, and may
/// replace the host's (custom-handler contract, verified with the real host). Kept here because a handler must survive it.</summary>
internal static class BodyMembers
{
    /// <summary>Members of a JSON object as metadata values: objects as objects, scalars as quoted strings, arrays and nulls not at all.</summary>
    /// <param name="body">A body that may or may not be a JSON object.</param>
    public static IReadOnlyList<(string Name, string Json)> Of(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind != JsonValueKind.Object) return [];
            var members = new List<(string, string)>();
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (Json(member.Value) is { } json) members.Add((member.Name, json));
            }

            return members;
        }
        catch (JsonException)
        {
            return []; // the host does not mind: the body is text then
        }
    }

    private static string? Json(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => Compact(value),
        JsonValueKind.Array or JsonValueKind.Null => null,
        JsonValueKind.True => Scalar("True"),
        JsonValueKind.False => Scalar("False"),
        JsonValueKind.Number => Scalar(value.TryGetInt64(out var whole)
            ? whole.ToString(CultureInfo.InvariantCulture)
            : value.GetDouble().ToString(CultureInfo.InvariantCulture)),
        _ => Scalar(HostTime.Reprinted(value.GetString()!) ?? value.GetString()!),
    };

    /// <summary>A string holding a JSON string: the host quotes what is no object.</summary>
    public static string Scalar(string text) => new HostText().Quoted(new HostText().Text(text)).ToString();

    private static string Compact(JsonElement value)
    {
        var text = new HostText();
        Write(text, value);
        return text.ToString();
    }

    private static void Write(HostText text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                Sequence(text, "{"u8, "}"u8, value.EnumerateObject(), member =>
                {
                    text.Name(member.Name);
                    Write(text, member.Value);
                });
                break;
            case JsonValueKind.Array:
                Sequence(text, "["u8, "]"u8, value.EnumerateArray(), item => Write(text, item));
                break;
            case JsonValueKind.String:
                text.Text(value.GetString());
                break;
            default:
                text.Raw(value.GetRawText());
                break;
        }
    }

    private static void Sequence<T>(HostText text, ReadOnlySpan<byte> open, ReadOnlySpan<byte> close, IEnumerable<T> items, Action<T> write)
    {
        text.Raw(open);
        var first = true;
        foreach (var item in items)
        {
            if (!first) text.Raw(","u8);
            first = false;
            write(item);
        }

        text.Raw(close);
    }
}
