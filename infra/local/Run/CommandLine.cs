using System.CommandLine;
using System.Globalization;

namespace Serverless.Local.Run;

/// <summary>The command line of the local cloud.</summary>
public static class CommandLine
{
    /// <summary>Builds the command.</summary>
    /// <param name="run">The main job: exit code 0 only if every check held.</param>
    public static RootCommand Build(Func<RunOptions, CancellationToken, Task<int>> run)
    {
        var devices = new Option<int>("--devices") { Description = "Simulated devices, 1 to 5000.", DefaultValueFactory = _ => 50 };
        var length = new Option<TimeSpan>("--for")
        {
            Description = "How long the devices send, such as 60s, 2m or 00:01:00; 5 s to 1 h.",
            DefaultValueFactory = _ => TimeSpan.FromSeconds(60),
            CustomParser = parsed => Duration(parsed.Tokens[0].Value, parsed.AddError),
        };
        var seed = new Option<int>("--seed") { Description = "Seed of the fleet: the same seed sends the same messages.", DefaultValueFactory = _ => 1 };
        var speed = new Option<double>("--speed") { Description = "Device seconds per wall second, 1 to 1000.", DefaultValueFactory = _ => 60 };
        var json = new Option<string?>("--json") { Description = "Write the report to this file as JSON.", HelpName = "FILE" };
        var data = new Option<string?>("--data") { Description = "Keep storage in this folder; without it, a temporary one is removed at the end.", HelpName = "DIR" };
        var keep = new Option<bool>("--keep") { Description = "Leave the cloud up after the run and print how to reach it; Ctrl-C ends it." };
        devices.Validators.Add(result => Range(result.GetValueOrDefault<int>(), 1, 5000, "--devices", result.AddError));
        speed.Validators.Add(result => Range(result.GetValueOrDefault<double>(), 1, 1000, "--speed", result.AddError));

        var command = new RootCommand(
            "The whole pipeline on this machine: starts a local Azure (Event Hubs, IoT Hub, storage, identity, Functions host) on "
            + "loopback, runs the function apps as deployed, connects simulated devices over MQTT/TLS, and checks what comes out.")
        {
            devices, length, seed, speed, json, data, keep,
        };
        command.SetAction((parsed, cancel) => run(
            new RunOptions(
                parsed.GetValue(devices),
                parsed.GetValue(length),
                parsed.GetValue(seed),
                parsed.GetValue(speed),
                parsed.GetValue(json),
                parsed.GetValue(data),
                parsed.GetValue(keep)),
            cancel));
        return command;
    }

    private static void Range(double value, double least, double most, string option, Action<string> refuse)
    {
        if (!(value >= least && value <= most)) refuse(string.Create(CultureInfo.InvariantCulture, $"{option} takes {least} to {most}"));
    }

    private static TimeSpan Duration(string text, Action<string> refuse)
    {
        var unit = text.Length > 0 ? text[^1] : ' ';
        TimeSpan? value = unit switch
        {
            's' or 'm' or 'h' when double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number < 1e6
                => unit switch { 's' => TimeSpan.FromSeconds(number), 'm' => TimeSpan.FromMinutes(number), _ => TimeSpan.FromHours(number) },
            _ => TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out var span) ? span : null,
        };
        if (value is { } ok && ok >= TimeSpan.FromSeconds(5) && ok <= TimeSpan.FromHours(1)) return ok;
        refuse("--for takes 5s to 1h, such as 60s, 2m or 00:01:00");
        return default;
    }
}
