namespace Serverless.Hosting;

/// <summary>How much one caller may ask. Section <c>Rates</c>.</summary>
/// <remarks>Per process: an app scaled out to n instances allows n times as much. Trusted: at worst it lets one caller crowd out the
/// others.</remarks>
public sealed record RateSettings : ISettings<RateSettings>
{
    /// <inheritdoc/>
    public static string Section => "Rates";

    /// <summary><c>Rates__RequestsPerMinute</c>: requests a minute and caller that last: 1 to 1 000 000, default 600.</summary>
    public required int RequestsPerMinute { get; init; }

    /// <summary><c>Rates__Burst</c>: requests a caller may make at once after a pause: 1 to 100 000, default 100.</summary>
    public required int Burst { get; init; }

    /// <inheritdoc/>
    public static RateSettings Read(SettingsReader read)
    {
        ArgumentNullException.ThrowIfNull(read);
        return new()
        {
            RequestsPerMinute = read.Int32("RequestsPerMinute", "requests a minute and caller", 1, 1_000_000, 600),
            Burst = read.Int32("Burst", "requests at once and caller", 1, 100_000, 100),
        };
    }
}
