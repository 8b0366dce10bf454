using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Serverless.Hosting.Tests;

public class SettingsTests
{
    /// <summary>Kind of reading, values that are read, values that are refused, and what the refusal says of unit and range.</summary>
    public static TheoryData<string, string[], string[], string> Values() => new()
    {
        { "Int32", ["1", "10"], ["0", "11", "1.5", "x", "1e1", " ", "99999999999999999999"], "seconds, a whole number from 1 to 10" },
        { "Double", ["0.5", "1.5"], ["0.49", "1.51", "NaN", "Infinity", "1,0", "x"], "ratio, a number from 0.5 to 1.5" },
        { "Duration", ["00:00:01", "01:00:00", "00:00:59.9"], ["00:00:00", "01:00:01", "1", "1h", "-00:00:01"], "a duration [d.]hh:mm:ss, from 00:00:01 to 01:00:00" },
        { "Flag", ["true", "False"], ["1", "yes"], "whether it is on, true or false" },
        { "Id", ["00000000-0000-0000-0000-000000000001"], ["1", "{00000000-0000-0000-0000-000000000001}", "00000000000000000000000000000001"], "an id, a GUID such as" },
        { "Url", ["https://x.example/y", "http://127.0.0.1:1/y"], ["http://x.example/", "ftp://x.example", "/x", "https://x.example/?code=1", "https://u:p@x.example/"], "a place, an absolute https URL without query" },
        { "HostName", ["ns.servicebus.windows.net", "localhost:5671", "127.0.0.1:5671"], ["amqps://ns", "ns/x", "ns x", "u@ns", "ns?x", ":1"], "a namespace: a DNS host name" },
        { "Text", ["a", "abcd"], ["abcde"], "a word, 1 to 4 characters" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void A_value_in_range_is_read_and_any_other_is_malformed(string kind, string[] good, string[] bad, string wanted)
    {
        foreach (var value in good) Assert.NotNull(Read(kind, value));
        foreach (var value in bad)
        {
            var refusal = Assert.Throws<SettingException>(() => Read(kind, value));
            Assert.StartsWith($"setting Subject__name is malformed: {wanted}", refusal.Message, StringComparison.Ordinal);
            Assert.Equal("Subject__name", refusal.Setting);
        }
    }

    [Theory]
    [MemberData(nameof(Values))]
    public void A_setting_that_is_absent_or_empty_is_missing(string kind, string[] good, string[] bad, string wanted)
    {
        Assert.NotEmpty(good.Concat(bad));
        foreach (var value in new[] { null, "" })
        {
            var refusal = Assert.Throws<SettingException>(() => Read(kind, value));
            Assert.StartsWith($"setting Subject__name is missing: {wanted}", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_missing_setting_stops_the_app_with_one_line_and_exit_code_1()
    {
        var (code, lines) = await Run(app => app.Settings<Sample>(), "--FUNCTIONS_CUSTOMHANDLER_PORT=0", "--Sample:Limit=3");
        Assert.Equal(1, code);
        Assert.Equal("setting Sample__fullyQualifiedNamespace is missing: Event Hubs namespace: a DNS host name such as name.example.net, without scheme or path", Assert.Single(lines));
    }

    [Fact]
    public async Task A_malformed_setting_is_named_and_its_value_is_not_shown()
    {
        var (code, lines) = await Run(app => app.Settings<Sample>(), "--FUNCTIONS_CUSTOMHANDLER_PORT=0", "--Sample:Limit=hunter2", "--Sample:fullyQualifiedNamespace=ns.example.net");
        Assert.Equal(1, code);
        Assert.Equal("setting Sample__Limit is malformed: events, a whole number from 1 to 5", Assert.Single(lines));
    }

    [Fact]
    public async Task An_HTTP_app_needs_to_know_whose_tokens_it_takes()
    {
        var (code, lines) = await Run(app => app.Http(_ => { }), "--FUNCTIONS_CUSTOMHANDLER_PORT=0");
        Assert.Equal(1, code);
        Assert.Equal("setting Entra__Authority is missing: Entra ID authority, an absolute https URL without query", Assert.Single(lines));
    }

    [Theory]
    [InlineData("FUNCTIONS_CUSTOMHANDLER_PORT is missing")]
    [InlineData("FUNCTIONS_CUSTOMHANDLER_PORT is malformed", "--FUNCTIONS_CUSTOMHANDLER_PORT=65536")]
    [InlineData("FUNCTIONS_CUSTOMHANDLER_PORT is malformed", "--FUNCTIONS_CUSTOMHANDLER_PORT=http")]
    public async Task Without_the_hosts_port_the_app_does_not_start(string expect, params string[] args)
    {
        var (code, lines) = await Run(_ => { }, args);
        Assert.Equal(1, code);
        Assert.StartsWith($"setting {expect}: TCP port", Assert.Single(lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_one_line_and_exit_code_1()
    {
        await using var first = await EdgeServer.Start(_ => { });
        var (code, lines) = await Run(_ => { }, $"--FUNCTIONS_CUSTOMHANDLER_PORT={first.Port}");
        Assert.Equal(1, code);
        Assert.Contains($"127.0.0.1:{first.Port}", Assert.Single(lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_are_there_as_the_record_and_as_options()
    {
        Sample? seen = null;
        await using var server = await EdgeServer.Start(
            app =>
            {
                app.Settings<Sample>();
                app.Timer("tick", (_, _, services, _) =>
                {
                    seen = services.GetRequiredService<Sample>();
                    Assert.Same(seen, services.GetRequiredService<IOptions<Sample>>().Value);
                    return Task.CompletedTask;
                });
            },
            "--Sample:fullyQualifiedNamespace=ns.example.net");
        Assert.Equal(200, (await server.Replay(Recording.Load("tick-1.txt"))).Status);
        Assert.Equal(new Sample { Namespace = "ns.example.net", Limit = 2 }, seen);
    }

    private static object Read(string kind, string? value)
    {
        var read = new SettingsReader(new ConfigurationBuilder().AddInMemoryCollection([new("Subject:name", value)]).Build(), "Subject");
        return kind switch
        {
            "Int32" => read.Int32("name", "seconds", 1, 10),
            "Double" => read.Double("name", "ratio", 0.5, 1.5),
            "Duration" => read.Duration("name", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
            "Flag" => read.Flag("name", "whether it is on"),
            "Id" => read.Id("name", "an id"),
            "Url" => read.Url("name", "a place"),
            "HostName" => read.HostName("name", "a namespace"),
            _ => read.Text("name", "a word", lengthMax: 4),
        };
    }

    private static async Task<(int Code, string[] Messages)> Run(Action<FunctionApp> describe, params string[] args)
    {
        using var log = new MemoryStream();
        var app = FunctionApp.Create(args, "test");
        app.LogOutput = log;
        describe(app);
        var code = await app.Run(TestContext.Current.CancellationToken);
        Assert.DoesNotContain("hunter2", Encoding.UTF8.GetString(log.ToArray()), StringComparison.Ordinal);
        return (code, [.. EdgeServer.Lines(log).Select(line => line.GetProperty("message").GetString()!)]);
    }

    private sealed record Sample : ISettings<Sample>
    {
        public static string Section => "Sample";

        public required string Namespace { get; init; }

        public required int Limit { get; init; }

        public static Sample Read(SettingsReader read) => new()
        {
            Namespace = read.HostName("fullyQualifiedNamespace", "Event Hubs namespace"),
            Limit = read.Int32("Limit", "events", 1, 5, 2),
        };
    }
}
