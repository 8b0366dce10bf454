using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>What a model of device may say: read once from its document and compiled for judging. Immutable and thread-safe.</summary>
/// <remarks>Trusted: whoever can write blob <c>profiles</c> decides what counts as plausible. The document is parsed strictly all
/// the same, because a mistyped limit is the likeliest attack on oneself. Its schema is <c>profile.schema.json</c>.</remarks>
public sealed class Profile
{
    /// <summary>Largest profile document, in bytes.</summary>
    public const int DocumentBytesMax = 65_536;

    /// <summary>Most metrics of one profile: presence is one 64-bit word.</summary>
    public const int MetricsMax = 64;

    /// <summary>Most last values kept for step and rate rules (a vector takes three): a device's state has a fixed size.</summary>
    public const int TrackedMax = 8;

    internal Profile(string model, int version, MessageRules message, Metric[] metrics, PostureRules posture)
    {
        Model = model;
        Version = version;
        Name = $"{model}@{version}";
        Message = message;
        MetricArray = metrics;
        Posture = posture;
        Names = new NameTable(metrics);
        foreach (var metric in metrics)
        {
            if (metric.Required) RequiredMask |= 1UL << metric.Index;
            if (metric.Tracked >= 0) TrackedMask |= 1UL << metric.Index;
        }

        Hash = (uint)(Mix.Hash(System.Text.Encoding.UTF8.GetBytes(Name)) & uint.MaxValue);
    }

    /// <summary>The model: 1 to 64 of <c>a-z</c>, <c>0-9</c>, <c>-</c>, starting with a letter.</summary>
    public string Model { get; }

    /// <summary>Version of the model's profile, 1 to 1,000,000.</summary>
    public int Version { get; }

    /// <summary><c>model@version</c>: the blob's name without <c>.json</c>, and what verdicts and rejected events carry.</summary>
    public string Name { get; }

    /// <summary>Limits of whole messages.</summary>
    public MessageRules Message { get; }

    /// <summary>The metrics, in the document's order: <see cref="Readings"/> uses the same indexes.</summary>
    public IReadOnlyList<Metric> Metrics => MetricArray;

    /// <summary>Which metrics tell the device's posture.</summary>
    public PostureRules Posture { get; }

    internal Metric[] MetricArray { get; }

    internal NameTable Names { get; }

    internal ulong RequiredMask { get; }

    internal ulong TrackedMask { get; }

    /// <summary>Tells whether last values were recorded under this profile: tracked places mean nothing under another.</summary>
    internal uint Hash { get; }

    /// <summary>Reads and compiles a profile document.</summary>
    /// <param name="json">UTF-8 JSON of at most 65,536 bytes, as <c>profile.schema.json</c> describes it.</param>
    /// <returns>The profile, or the first fault: <c>profile-size</c>, <c>profile-json</c>, <c>profile-member-unknown</c>,
    /// <c>profile-member-missing</c>, <c>profile-type</c>, <c>profile-range</c>, <c>profile-text</c>, <c>profile-bounds</c>,
    /// <c>profile-content-type</c>, <c>profile-metric-duplicate</c>, <c>profile-member-duplicate</c>, <c>profile-not-for-type</c>,
    /// <c>profile-unit</c>, <c>profile-step-interval</c>, <c>profile-tracked</c>, <c>profile-posture</c>.</returns>
    public static Parsed<Profile> Parse(ReadOnlySpan<byte> json) => ProfileReader.Read(json);
}
