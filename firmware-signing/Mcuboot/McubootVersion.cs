using System.Globalization;
using Serverless.Faults;

namespace Serverless.FirmwareSigning.Mcuboot;

/// <summary>A version as an mcuboot header holds it (mcuboot design, "Image format", struct <c>image_version</c>).</summary>
/// <param name="Major">0 to 255.</param>
/// <param name="Minor">0 to 255.</param>
/// <param name="Revision">0 to 65,535.</param>
/// <param name="Build">0 to 2^32-1.</param>
public readonly record struct McubootVersion(byte Major, byte Minor, ushort Revision, uint Build)
{
    /// <summary>Reads <c>major[.minor[.revision]][+build]</c>, decimal.</summary>
    /// <returns>The version, or <c>mcuboot-version</c>.</returns>
    public static Parsed<McubootVersion> Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var plus = text.IndexOf('+', StringComparison.Ordinal);
        var parts = (plus < 0 ? text : text[..plus]).Split('.');
        return Number(parts[0], byte.MaxValue) is { } major
            && Number(parts.ElementAtOrDefault(1) ?? "0", byte.MaxValue) is { } minor
            && Number(parts.ElementAtOrDefault(2) ?? "0", ushort.MaxValue) is { } revision
            && Number(plus < 0 ? "0" : text[(plus + 1)..], uint.MaxValue) is { } build
            && parts.Length <= 3
            ? new McubootVersion((byte)major, (byte)minor, (ushort)revision, build)
            : new Fault("mcuboot-version", "version");
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}.{Minor}.{Revision}+{Build}");

    private static uint? Number(string text, uint max) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= max ? number : null;
}
