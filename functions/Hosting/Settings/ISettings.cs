namespace Serverless.Hosting;

/// <summary>One subject's settings: a record that reads itself from the app's settings, each value checked.</summary>
/// <remarks>Readers instead of a binder and validation attributes: the binder throws before a validator could name the setting's unit
/// and range, and needs a code generator in each app to work without reflection.</remarks>
/// <example><code>
/// public sealed record TelemetrySettings : ISettings&lt;TelemetrySettings&gt;
/// {
///     public static string Section => "Telemetry";
///     public required TimeSpan SkewMax { get; init; }
///     public static TelemetrySettings Read(SettingsReader read) => new()
///     {
///         SkewMax = read.Duration("SkewMax", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), otherwise: TimeSpan.FromMinutes(5)),
///     };
/// }
/// </code></example>
/// <typeparam name="TSelf">The record itself.</typeparam>
public interface ISettings<TSelf>
    where TSelf : class, ISettings<TSelf>
{
    /// <summary>The section: <c>Telemetry</c> holds what environment variables call <c>Telemetry__…</c>. Empty for the root.</summary>
    static abstract string Section { get; }

    /// <summary>Reads and checks every value.</summary>
    /// <param name="read">Reads this section.</param>
    /// <exception cref="SettingException">A setting is missing or malformed.</exception>
    static abstract TSelf Read(SettingsReader read);
}

/// <summary>A setting is missing or malformed. The app stops with this message as its one line; it names the setting as an
/// environment variable, and its unit and range, never its value.</summary>
public sealed class SettingException : Exception
{
    /// <summary>Names the setting and what it should be.</summary>
    /// <param name="setting">Environment variable, such as <c>EventHubs__fullyQualifiedNamespace</c>.</param>
    /// <param name="problem"><c>missing</c> or <c>malformed</c>.</param>
    /// <param name="wanted">Unit and range.</param>
    public SettingException(string setting, string problem, string wanted)
        : base($"setting {setting} is {problem}: {wanted}") => Setting = setting;

    /// <summary>The setting as an environment variable.</summary>
    public string Setting { get; }
}
