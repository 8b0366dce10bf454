using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Serverless.Faults;

namespace Serverless.Devices;

/// <summary>The id a device has in DPS (registration id), in IoT Hub (device id) and, with X.509, in its certificate's common name.</summary>
/// <remarks>DPS compares registration ids without case, IoT Hub compares device ids with it: <c>Pump-7</c> and <c>pump-7</c> are one
/// enrolment and two hub identities. So only lower case is an id here, and one id has one spelling. A class on purpose: a struct's
/// <c>default</c> would be a device that nobody enrolled.</remarks>
public sealed record DeviceId : IComparable<DeviceId>
{
    /// <summary>Most characters, as DPS and IoT Hub have it.</summary>
    public const int LengthMax = 128;

    /// <summary>Most characters of an id that is a certificate's common name (RFC 5280, appendix A: ub-common-name).</summary>
    public const int CommonNameLengthMax = 64;

    private static readonly SearchValues<char> Characters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-._:");

    private DeviceId(string text) => Text = text;

    /// <summary>1 to 128 characters of <c>a-z 0-9 - . _ :</c>, the last one a letter, a digit or <c>-</c>.</summary>
    public string Text { get; }

    /// <summary>Reads an id from untrusted text. Nothing is trimmed or folded.</summary>
    /// <param name="text">The id.</param>
    /// <param name="where">Path of the field, for the fault.</param>
    /// <returns>The id, or <c>device-id-length</c> (1 to 128), <c>device-id-case</c> (an upper-case letter),
    /// <c>device-id-alphabet</c>, <c>device-id-end</c> (the last character is not alphanumeric or <c>-</c>).</returns>
    public static Parsed<DeviceId> Parse(string? text, string where = "registrationId")
    {
        if (text is null || text.Length is 0 or > LengthMax) return new Fault("device-id-length", where);
        if (text.AsSpan().ContainsAnyInRange('A', 'Z')) return new Fault("device-id-case", where);
        if (text.AsSpan().ContainsAnyExcept(Characters)) return new Fault("device-id-alphabet", where);
        return text[^1] is '.' or '_' or ':' ? new Fault("device-id-end", where) : new DeviceId(text);
    }

    /// <summary>An id that is trusted to be one, such as a stored one.</summary>
    /// <param name="text">The id.</param>
    /// <exception cref="InvalidOperationException">It is none.</exception>
    public static DeviceId From(string text) =>
        Parse(text).TryGet(out var id, out var fault) ? id : throw new InvalidOperationException($"a stored device id is none: {fault}");

    /// <inheritdoc/>
    public int CompareTo(DeviceId? other) => string.CompareOrdinal(Text, other?.Text);

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>By ordinal.</summary>
    /// <param name="left">One id.</param>
    /// <param name="right">Another.</param>
    public static bool operator <([NotNull] DeviceId left, DeviceId right) => left.CompareTo(right) < 0;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator >([NotNull] DeviceId left, DeviceId right) => left.CompareTo(right) > 0;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator <=([NotNull] DeviceId left, DeviceId right) => left.CompareTo(right) <= 0;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator >=([NotNull] DeviceId left, DeviceId right) => left.CompareTo(right) >= 0;
}
