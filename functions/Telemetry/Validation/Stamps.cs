using System.Text.Json;

namespace Serverless.Telemetry.Validation;

/// <summary>Reads how a device authenticated from the hub's stamp. The last few texts are remembered: a fleet has few.</summary>
internal sealed class Stamps
{
    private const int Places = 4, TextBytesMax = 512;
    private readonly byte[][] _texts = [.. Enumerable.Range(0, Places).Select(_ => new byte[TextBytesMax])];
    private readonly int[] _lengths = new int[Places];
    private readonly VerdictNotes[] _notes = new VerdictNotes[Places];
    private int _next;

    /// <summary>What the authentication method is worth noting for.</summary>
    public VerdictNotes Of(ReadOnlySpan<byte> authMethod)
    {
        if (authMethod.Length is 0 or > TextBytesMax) return VerdictNotes.AuthMethodUnreadable;
        for (var i = 0; i < Places; i++)
        {
            if (authMethod.SequenceEqual(_texts[i].AsSpan(0, _lengths[i]))) return _notes[i];
        }

        var notes = Read(authMethod);
        authMethod.CopyTo(_texts[_next]);
        _lengths[_next] = authMethod.Length;
        _notes[_next] = notes;
        _next = (_next + 1) % Places;
        return notes;
    }

    /// <summary>Only a scope of <c>device</c> or <c>module</c> is quiet. <c>hub</c> is a shared key that can speak for every device;
    /// anything else, or none, is unreadable: a new kind of scope must be seen before it is trusted.</summary>
    private static VerdictNotes Read(ReadOnlySpan<byte> authMethod)
    {
        try
        {
            var reader = new Utf8JsonReader(authMethod, new JsonReaderOptions { MaxDepth = 4 });
            VerdictNotes? found = null;
            while (reader.Read())
            {
                if (reader.CurrentDepth != 1 || reader.TokenType != JsonTokenType.PropertyName || !reader.ValueTextEquals("scope"u8)) continue;
                reader.Read();
                if (found is not null || reader.TokenType != JsonTokenType.String) return VerdictNotes.AuthMethodUnreadable;
                found = reader.ValueTextEquals("device"u8) || reader.ValueTextEquals("module"u8) ? VerdictNotes.None
                    : reader.ValueTextEquals("hub"u8) ? VerdictNotes.HubScopeKey
                    : VerdictNotes.AuthMethodUnreadable;
            }

            return found ?? VerdictNotes.AuthMethodUnreadable;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a text with an escaped lone surrogate (found by fuzzing).
            // The stamp is the hub's; one that is not JSON means the hub changed. That is worth an alert, not a lost event.
            return VerdictNotes.AuthMethodUnreadable;
        }
    }
}
