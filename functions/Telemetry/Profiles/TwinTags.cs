using System.Text.Json;
using Serverless.Faults;

namespace Serverless.Telemetry.Profiles;

/// <summary>What a twin document or patch says of the tags <c>profile</c> and <c>lifecycle</c>.</summary>
/// <param name="Mentioned">Whether tag <c>profile</c> stands there, if only as <c>null</c>.</param>
/// <param name="Profile">The profile's name; empty when the tag is <c>null</c> or absent.</param>
/// <param name="Ended">Whether tag <c>lifecycle</c> is <c>ended</c>; <see langword="null"/> when it does not stand there.</param>
/// <remarks>Tags are written by the back end only, devices cannot; still, a mistyped tag must not stop a partition.</remarks>
internal readonly record struct TwinTags(bool Mentioned, string Profile, bool? Ended)
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = 16 };

    /// <summary>Reads the body of a twin change or lifecycle event of IoT Hub: a twin or a patch of one.</summary>
    /// <param name="body">UTF-8 JSON.</param>
    /// <returns>The tag, or <c>twin-malformed</c> (not a JSON object, or <c>tags</c> is none), <c>twin-profile</c> (the tag is
    /// neither <c>null</c> nor a profile's name).</returns>
    public static Parsed<TwinTags> Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body, Options);
            return !reader.Read() || reader.TokenType != JsonTokenType.StartObject ? new Fault("twin-malformed", "body") : Read(ref reader);
        }
        catch (JsonException)
        {
            return new Fault("twin-malformed", "body");
        }
    }

    private static Parsed<TwinTags> Read(ref Utf8JsonReader reader)
    {
        var found = default(Parsed<TwinTags>);
        var seen = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var tags = reader.ValueTextEquals("tags"u8);
            reader.Read();
            if (!tags)
            {
                reader.Skip();
                continue;
            }

            if (seen || reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.Null)) return new Fault("twin-malformed", "tags");
            seen = true;
            found = reader.TokenType == JsonTokenType.Null ? new TwinTags(Mentioned: true, "", Ended: false) : ReadTags(ref reader);
        }

        // Read to the end: a document that is cut off must not count for the half that arrived.
        if (reader.Read()) return new Fault("twin-malformed", "body");
        return seen ? found : new TwinTags(Mentioned: false, "", Ended: null);
    }

    private static Parsed<TwinTags> ReadTags(ref Utf8JsonReader reader)
    {
        var mentioned = false;
        var profile = "";
        var ended = default(bool?);
        var fault = default(Fault);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (named, life) = (reader.ValueTextEquals("profile"u8), reader.ValueTextEquals("lifecycle"u8));
            reader.Read();
            if (life) ended = reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("ended"u8);
            if (!named)
            {
                reader.Skip();
                continue;
            }

            mentioned = true;
            if (reader.TokenType == JsonTokenType.Null) profile = "";
            else if (reader.TokenType == JsonTokenType.String && reader.ValueSpan.Length <= ProfileName.BytesMax && ProfileName.IsValid(reader.GetString()!)) profile = reader.GetString()!;
            else fault = new Fault("twin-profile", "tags.profile");
            reader.Skip();
        }

        return fault is null ? new TwinTags(mentioned, profile, ended) : fault;
    }
}
