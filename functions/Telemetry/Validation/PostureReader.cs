using Serverless.Faults;

namespace Serverless.Telemetry.Validation;

/// <summary>Reads the posture part of a profile document. Each field names a metric of the type it needs.</summary>
internal static class PostureReader
{
    internal static readonly string[] Fields = ["bootState", "debugPort", "openPorts", "firmwareVersion"];

    public static PostureRules Read(ProfileElement posture, Metric[] metrics)
    {
        var rules = new PostureRules();
        if (!posture.Object(Fields)) return rules;
        if (posture.Has("bootState"))
        {
            var field = posture.Member("bootState");
            var metric = Named(field, metrics, MetricType.Enumeration, "trusted");
            rules = rules with { BootState = metric?.Index ?? -1, TrustedBootStates = Trusted(field, metric) };
        }

        if (posture.Has("debugPort"))
            rules = rules with { DebugPort = Named(posture.Member("debugPort"), metrics, MetricType.Boolean)?.Index ?? -1 };
        if (posture.Has("openPorts"))
        {
            var field = posture.Member("openPorts");
            var metric = Named(field, metrics, MetricType.String, "allowed");
            var ports = field.Sound ? field.Items("allowed", 0, 32).Select(port => port.Integer(1, 65_535)).Order().ToArray() : [];
            rules = rules with { OpenPorts = metric?.Index ?? -1, AllowedPorts = ports };
        }

        if (posture.Has("firmwareVersion"))
        {
            var field = posture.Member("firmwareVersion");
            var metric = Named(field, metrics, MetricType.String, "atLeast");
            rules = rules with { FirmwareVersion = metric?.Index ?? -1, OldestFirmware = Oldest(field) };
        }

        return rules;
    }

    private static Metric? Named(ProfileElement field, Metric[] metrics, MetricType type, params string[] others)
    {
        if (!field.Object(["metric", .. others])) return null;
        var name = field.Text("metric", 64);
        var metric = Array.Find(metrics, metric => metric.Name == name && metric.Type == type);
        if (metric is null) field.Refuse("metric", static where => new Fault("profile-posture", where));
        return metric;
    }

    private static ulong Trusted(ProfileElement field, Metric? metric)
    {
        ulong trusted = 0;
        if (metric is null) return 0;
        foreach (var text in field.Texts("trusted", 1, 64, 64))
        {
            var member = metric.Members.ToList().IndexOf(text);
            if (member < 0) field.Refuse("trusted", static where => new Fault("profile-posture", where));
            else trusted |= 1UL << member;
        }

        return trusted;
    }

    private static ulong Oldest(ProfileElement field)
    {
        if (!field.Sound) return 0;
        var text = field.Text("atLeast", 32);
        if (!field.Sound) return 0;
        if (Firmware.TryRead(System.Text.Encoding.UTF8.GetBytes(text), out var version)) return version;
        field.Refuse("atLeast", static where => new Fault("profile-text", where));
        return 0;
    }
}
