using System.Text.Json;
using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>Reads a profile document; the first fault met ends it. Not a hot path: a document object model is fine here.</summary>
internal static class ProfileReader
{
    internal static readonly string[] RootMembers = ["$schema", "model", "version", "description", "message", "metrics", "posture"];
    internal static readonly string[] MessageMembers =
        ["bytesMax", "perMinute", "burst", "clockSkewSeconds", "lateSeconds", "contentTypes", "unknownMetrics"];

    public static Parsed<Profile> Read(ReadOnlySpan<byte> json)
    {
        if (json.Length is 0 or > Profile.DocumentBytesMax) return new Fault("profile-size", "");
        // The document parser looks at the bytes of a text only when asked for it, and throws then.
        if (!System.Text.Unicode.Utf8.IsValid(json)) return new Fault("profile-json", "");
        JsonDocument document;
        try
        {
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 };
            document = JsonDocument.Parse(json.ToArray(), options);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a name with an escaped lone surrogate (found by fuzzing). What is wrong is the editor's to
            // say: `profile-json` is a refusal, not a diagnosis.
            return new Fault("profile-json", "");
        }

        using (document)
        {
            var root = new ProfileElement(document.RootElement, "", new ProfileFaults());
            var profile = Read(root);
            return root.Faults.First is { } fault ? fault : profile!;
        }
    }

    private static Profile? Read(ProfileElement root)
    {
        if (!root.Object(RootMembers)) return null;
        var model = root.Text("model", 64);
        if (root.Sound && !IsModel(model)) root.Refuse("model", static where => new Fault("profile-text", where));
        var version = root.Integer("version", 1, 1_000_000);
        if (root.Has("$schema")) root.Text("$schema", 256);
        if (root.Has("description")) root.Text("description", 1024);
        var message = ReadMessage(root.Member("message"));
        var metrics = MetricReader.Read(root);
        var posture = root.Has("posture") && root.Sound ? PostureReader.Read(root.Member("posture"), metrics) : new PostureRules();
        return root.Sound ? new Profile(model, version, message!, metrics, posture) : null;
    }

    private static bool IsModel(string text) =>
        text.Length > 0 && char.IsAsciiLetterLower(text[0])
        && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    private static MessageRules? ReadMessage(ProfileElement message)
    {
        if (!message.Object(MessageMembers)) return null;
        var skew = message.Integer("clockSkewSeconds", 0, 86_400);
        var late = message.Integer("lateSeconds", 0, 365 * 86_400);
        if (message.Sound && late < skew) message.Refuse("lateSeconds", static where => new Fault("profile-bounds", where));
        var (json, cbor) = ContentTypes(message);
        var unknown = message.Has("unknownMetrics") ? message.OneOf("unknownMetrics", "refuse", "drop") : 0;
        return new MessageRules
        {
            BytesMax = message.Integer("bytesMax", 2, MessageRules.WireBytesMax),
            PerMinute = message.Integer("perMinute", 1, 60_000),
            Burst = message.Integer("burst", 1, 10_000),
            ClockSkew = TimeSpan.FromSeconds(skew),
            Late = TimeSpan.FromSeconds(late),
            Json = json,
            Cbor = cbor,
            UnknownMetrics = (UnknownMetrics)unknown,
        };
    }

    private static (bool Json, bool Cbor) ContentTypes(ProfileElement message)
    {
        var (json, cbor) = (false, false);
        foreach (var type in message.Texts("contentTypes", 1, 2, 64))
        {
            if (type == "application/json" && !json) json = true;
            else if (type == "application/cbor" && !cbor) cbor = true;
            else message.Refuse("contentTypes", static where => new Fault("profile-content-type", where));
        }

        return (json, cbor);
    }
}
