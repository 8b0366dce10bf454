using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Serverless.Hosting;

/// <summary>Reads one section of the app's settings. Every method either gives a value in range or throws
/// <see cref="SettingException"/>; a setting that is empty counts as missing.</summary>
/// <param name="configuration">All settings: environment variables, then the command line.</param>
/// <param name="section">The section; empty for the root.</param>
public sealed class SettingsReader(IConfiguration configuration, string section)
{
    /// <summary>Any text.</summary>
    /// <param name="name">The setting's name in its section.</param>
    /// <param name="wanted">What it is, for the message.</param>
    /// <param name="lengthMax">Most characters.</param>
    /// <param name="otherwise">Used when the setting is missing; without it the setting is required.</param>
    public string Text(string name, string wanted, int lengthMax = 1024, string? otherwise = null) =>
        Read(name, $"{wanted}, 1 to {lengthMax} characters", otherwise, text => text.Length <= lengthMax ? text : null);

    /// <summary>A DNS host name without scheme, path or spaces, optionally with a port.</summary>
    /// <param name="name">The setting's name in its section.</param>
    /// <param name="wanted">What it is, for the message.</param>
    public string HostName(string name, string wanted) =>
        Read(name, $"{wanted}: a DNS host name such as name.example.net, without scheme or path", null, text =>
            Uri.TryCreate($"amqps://{text}/", UriKind.Absolute, out var uri) && uri.PathAndQuery == "/" && uri.UserInfo.Length == 0 && uri.Fragment.Length == 0
            && Uri.CheckHostName(uri.Host) is UriHostNameType.Dns or UriHostNameType.IPv4 ? text : null);

    /// <summary>A whole number.</summary>
    /// <param name="name">The setting's name in its section.</param>
    /// <param name="unit">Its unit, for the message.</param>
    /// <param name="min">Least value.</param>
    /// <param name="max">Greatest value.</param>
    /// <param name="otherwise">Used when the setting is missing; without it the setting is required.</param>
    public long Int64(string name, string unit, long min, long max, long? otherwise = null) =>
        ReadValue(name, string.Create(CultureInfo.InvariantCulture, $"{unit}, a whole number from {min} to {max}"), otherwise, text =>
            long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max ? value : null);

    /// <summary>A whole number that fits <see cref="int"/>.</summary>
    /// <inheritdoc cref="Int64"/>
    public int Int32(string name, string unit, int min, int max, int? otherwise = null) => (int)Int64(name, unit, min, max, otherwise);

    /// <summary>A number.</summary>
    /// <param name="name">The setting's name in its section.</param>
    /// <param name="unit">Its unit, for the message.</param>
    /// <param name="min">Least value.</param>
    /// <param name="max">Greatest value.</param>
    /// <param name="otherwise">Used when the setting is missing; without it the setting is required.</param>
    public double Double(string name, string unit, double min, double max, double? otherwise = null) =>
        ReadValue(name, string.Create(CultureInfo.InvariantCulture, $"{unit}, a number from {min} to {max}"), otherwise, text =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max ? value : null);

    /// <summary>A stretch of time, written <c>[d.]hh:mm:ss[.fff]</c>.</summary>
    /// <param name="name">The setting's name in its section.</param>
    /// <param name="min">Least value.</param>
    /// <param name="max">Greatest value.</param>
    /// <param name="otherwise">Used when the setting is missing; without it the setting is required.</param>
    public TimeSpan Duration(string name, TimeSpan min, TimeSpan max, TimeSpan? otherwise = null) =>
        ReadValue(name, $"a duration [d.]hh:mm:ss, from {min:c} to {max:c}", otherwise, text =>
            text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max ? value : null);

    /// <summary><c>true</c> or <c>false</c>.</summary>
    /// <param name="name">The setting's name in its section.</param>
    /// <param name="wanted">What it switches, for the message.</param>
    /// <param name="otherwise">Used when the setting is missing; without it the setting is required.</param>
    public bool Flag(string name, string wanted, bool? otherwise = null) =>
        ReadValue(name, $"{wanted}, true or false", otherwise, text => bool.TryParse(text, out var value) ? value : null);

    /// <summary>A GUID in its dashed form.</summary>
    /// <param name="name">The setting's name in its section.</param>
    /// <param name="wanted">What it identifies, for the message.</param>
    public Guid Id(string name, string wanted) =>
        ReadValue<Guid>(name, $"{wanted}, a GUID such as 00000000-0000-0000-0000-000000000000", null, text => Guid.TryParseExact(text, "D", out var value) ? value : null);

    /// <summary>An https URL; http only on this machine's loopback, where there is no wire to listen on.</summary>
    /// <param name="name">The setting's name in its section.</param>
    /// <param name="wanted">What is there, for the message.</param>
    public Uri Url(string name, string wanted) =>
        Read(name, $"{wanted}, an absolute https URL without query", null, text =>
            Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Query.Length == 0 && uri.Fragment.Length == 0 && uri.UserInfo.Length == 0
            && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback)) ? uri : null);

    private T ReadValue<T>(string name, string wanted, T? otherwise, Func<string, T?> parse)
        where T : struct =>
        Raw(name) is { } text ? parse(text) ?? throw Malformed(name, wanted) : otherwise ?? throw Missing(name, wanted);

    private T Read<T>(string name, string wanted, T? otherwise, Func<string, T?> parse)
        where T : class =>
        Raw(name) is { } text ? parse(text) ?? throw Malformed(name, wanted) : otherwise ?? throw Missing(name, wanted);

    private string? Raw(string name) => configuration[section.Length == 0 ? name : $"{section}:{name}"] is { Length: > 0 } text ? text : null;

    private SettingException Missing(string name, string wanted) => new(Variable(name), "missing", wanted);

    private SettingException Malformed(string name, string wanted) => new(Variable(name), "malformed", wanted);

    private string Variable(string name) => section.Length == 0 ? name : $"{section.Replace(":", "__", StringComparison.Ordinal)}__{name}";
}
