using System.Text;
using System.Text.Json;
using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>The first fault met while a profile is read; later ones are consequences.</summary>
internal sealed class ProfileFaults
{
    public Fault? First { get; private set; }

    public void Refuse(Fault fault) => First ??= fault;
}

/// <summary>One JSON value of a profile document and its path. Every reader answers a harmless default once a fault is known.</summary>
internal readonly struct ProfileElement(JsonElement element, string path, ProfileFaults faults)
{
    public ProfileFaults Faults => faults;

    public bool Sound => faults.First is null;

    public void Refuse(string member, Func<string, Fault> fault) => faults.Refuse(fault(At(member)));

    /// <summary>Whether this is an object with no members but these.</summary>
    public bool Object(string[] members)
    {
        if (!Sound) return false;
        if (element.ValueKind != JsonValueKind.Object)
        {
            faults.Refuse(new Fault("profile-type", path));
            return false;
        }

        foreach (var property in element.EnumerateObject())
        {
            // The path ends at the object: the member's name is whatever somebody typed.
            if (!members.Contains(property.Name, StringComparer.Ordinal)) faults.Refuse(new Fault("profile-member-unknown", path));
        }

        return Sound;
    }

    public bool Has(string member) => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(member, out _);

    public ProfileElement Member(string member)
    {
        if (Sound && element.TryGetProperty(member, out var value)) return new(value, At(member), faults);
        faults.Refuse(new Fault("profile-member-missing", At(member)));
        return new(default, At(member), faults);
    }

    public IEnumerable<ProfileElement> Items(string member, int countMin, int countMax)
    {
        var list = Member(member).Element(JsonValueKind.Array);
        if (list is not { } array) return [];
        if (array.GetArrayLength() < countMin || array.GetArrayLength() > countMax)
        {
            faults.Refuse(new Fault("profile-range", At(member)));
            return [];
        }

        var (where, all) = (At(member), faults);
        return array.EnumerateArray().Select((item, i) => new ProfileElement(item, $"{where}[{i}]", all));
    }

    public IEnumerable<string> Texts(string member, int countMin, int countMax, int bytesMax) =>
        Items(member, countMin, countMax).Select(item => item.Text(bytesMax));

    public string Text(string member, int bytesMax) => Member(member).Text(bytesMax);

    public int OneOf(string member, params string[] choices)
    {
        var index = Array.IndexOf(choices, Text(member, 64));
        if (index < 0) faults.Refuse(new Fault("profile-text", At(member)));
        return Math.Max(index, 0);
    }

    public bool Flag(string member)
    {
        var value = Member(member);
        if (value.Sound && !value.IsFlag) faults.Refuse(new Fault("profile-type", At(member)));
        return Sound && value.IsTrue;
    }

    public int Integer(string member, int least, int most)
    {
        var number = Number(member);
        if (Sound && (number != Math.Floor(number) || number < least || number > most))
            faults.Refuse(new Fault("profile-range", At(member)));
        return Sound ? (int)number : least;
    }

    public int Integer(int least, int most)
    {
        var number = Element(JsonValueKind.Number)?.GetDouble() ?? least;
        if (Sound && (number != Math.Floor(number) || number < least || number > most)) faults.Refuse(new Fault("profile-range", path));
        return Sound ? (int)number : least;
    }

    public double Number(string member)
    {
        var number = Member(member).Element(JsonValueKind.Number)?.GetDouble() ?? 0;
        if (!double.IsFinite(number)) faults.Refuse(new Fault("profile-range", At(member)));
        return double.IsFinite(number) ? number : 0;
    }

    private bool IsFlag => element.ValueKind is JsonValueKind.True or JsonValueKind.False;

    private bool IsTrue => element.ValueKind == JsonValueKind.True;

    private string Text(int bytesMax)
    {
        if (Element(JsonValueKind.String) is not { } value) return "";
        string text;
        try
        {
            text = value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // An escaped lone surrogate: JsonDocument notices only now.
            faults.Refuse(new Fault("profile-text", path));
            return "";
        }

        if (text.Length == 0 || Encoding.UTF8.GetByteCount(text) > bytesMax) faults.Refuse(new Fault("profile-text", path));
        return text;
    }

    private JsonElement? Element(JsonValueKind kind)
    {
        if (!Sound) return null;
        if (element.ValueKind == kind) return element;
        faults.Refuse(new Fault("profile-type", path));
        return null;
    }

    private string At(string member) => path.Length == 0 ? member : $"{path}.{member}";
}
