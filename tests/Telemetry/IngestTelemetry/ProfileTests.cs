using System.Text;
using Microsoft.Extensions.Time.Testing;
using Serverless.Telemetry.Profiles;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

public sealed class ProfileTests : IDisposable
{
    private const string Name = "test@1";
    private readonly FaultPlan _plan = new();
    private readonly FakeProfiles _documents;
    private readonly FakeTimeProvider _clock = new(Sent.Noon);
    private readonly ProfileShelf _shelf;

    public ProfileTests()
    {
        _documents = new FakeProfiles(_plan);
        _shelf = new ProfileShelf(_documents, _documents, TimeSpan.FromMinutes(1), _clock);
    }

    public void Dispose() => _shelf.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_revision_is_taken_up_at_the_next_look()
    {
        _documents.Put(Name, Document(maximum: 10));
        var first = await _shelf.Get(Name, Cancel);
        _documents.Put(Name, Document(maximum: 20));
        _clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Same(first, await _shelf.Get(Name, Cancel)); // not looked at yet
        Assert.Single(_plan.Calls);
        _clock.Advance(TimeSpan.FromSeconds(1));
        var second = await _shelf.Get(Name, Cancel);
        Assert.False(second.Equals(first));
        Assert.NotNull(second.Profile);
        Assert.Empty(_documents.Reports);
    }

    [Fact]
    public async Task A_bad_revision_is_reported_once_and_the_last_good_one_stays()
    {
        _documents.Put(Name, Document(maximum: 10));
        var good = await _shelf.Get(Name, Cancel);
        _documents.Put(Name, "{\"model\":");
        for (var look = 0; look < 3; look++)
        {
            _clock.Advance(TimeSpan.FromMinutes(1));
            Assert.Same(good, await _shelf.Get(Name, Cancel));
        }

        Assert.Equal(["test@1 profile-json at profile"], _documents.Reports.Select(report => report.Split(" at ")[0] + " at profile"));
        _documents.Put(Name, Document(maximum: 11));
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.False(good.Equals(await _shelf.Get(Name, Cancel)));
    }

    [Fact]
    public async Task A_document_of_another_name_is_refused()
    {
        _documents.Put("other@1", Document(maximum: 10));
        Assert.Null((await _shelf.Get("other@1", Cancel)).Profile);
        Assert.Equal(["other@1 profile-name at model"], _documents.Reports);
    }

    [Fact]
    public async Task A_document_larger_than_a_profile_may_be_is_refused()
    {
        _documents.Put(Name, new string(' ', Telemetry.Validation.Profile.DocumentBytesMax + 1));
        Assert.Null((await _shelf.Get(Name, Cancel)).Profile);
        Assert.Contains("profile-size", Assert.Single(_documents.Reports), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_document_that_was_deleted_stays_in_use_and_one_that_appears_is_taken_up()
    {
        Assert.Null((await _shelf.Get(Name, Cancel)).Document);
        _documents.Put(Name, Document(maximum: 10));
        _clock.Advance(TimeSpan.FromMinutes(1));
        var good = await _shelf.Get(Name, Cancel);
        Assert.NotNull(good.Document);
        _documents.Delete(Name);
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Same(good, await _shelf.Get(Name, Cancel));
    }

    [Fact]
    public async Task An_outage_keeps_the_revision_known_and_fails_only_where_none_is()
    {
        _documents.Put(Name, Document(maximum: 10));
        var good = await _shelf.Get(Name, Cancel);
        _plan.Decide = (_, _) => FaultMode.Fails;
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Same(good, await _shelf.Get(Name, Cancel));
        Assert.Equal(["test@1 unreachable"], _documents.Reports);
        await Assert.ThrowsAsync<InjectedOutageException>(async () => await _shelf.Get("new@1", Cancel));
    }

    [Fact]
    public async Task The_shelf_is_bounded()
    {
        for (var version = 1; version <= ProfileShelf.CountMax + 5; version++) await _shelf.Get($"test@{version}", Cancel);
        var reads = _plan.Calls.Count;
        await _shelf.Get("test@1", Cancel); // made room long ago
        await _shelf.Get($"test@{ProfileShelf.CountMax}", Cancel);
        Assert.Equal(reads + 1, _plan.Calls.Count);
    }

    [Fact]
    public async Task A_reloaded_profile_judges_the_events_after_it()
    {
        using var world = new World();
        var process = world.Process();
        await World.Deliver(process, Sent.Created("d-1", Name) with { Sequence = 1 }, Reading(2, 15));
        Assert.Equal("metric-range", world.Refusals()[2]);
        world.Documents.Put(Name, Document(maximum: 20));
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await World.Deliver(process, Reading(3, 15));
        Assert.Equal("3-3", Assert.Single(world.Validated.Events).MessageId);
    }

    [Fact]
    public async Task A_profile_that_appears_ends_the_refusals_and_one_unknown_is_a_fault_of_its_own()
    {
        using var world = new World();
        var process = world.Process();
        await World.Deliver(process, Sent.Created("d-1", "test@2") with { Sequence = 1 }, Reading(2, 1));
        Assert.Equal("profile-unknown", world.Refusals()[2]);
        world.Documents.Put("test@2", Document(maximum: 20, version: 2));
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await World.Deliver(process, Reading(3, 15));
        Assert.Equal("test@2", Assert.Single(world.Validated.Events).ApplicationProperties!["profile"]);
    }

    [Fact]
    public async Task A_batch_judged_again_after_a_crash_is_judged_by_the_profile_it_was_judged_by_before()
    {
        using var world = new World();
        var process = world.Process();
        await World.Deliver(process, Sent.Created("d-1", Name) with { Sequence = 1 }, Reading(2, 1));

        // Refused and accepted alike have left the process when it dies, before the commit.
        world.Plan.Decide = (_, call) => call == "state.Append" ? FaultMode.Fails : null;
        await Assert.ThrowsAsync<InjectedOutageException>(() => World.Deliver(process, Reading(3, 15), Reading(4, 2)));
        world.Plan.Decide = (_, _) => null;

        // Meanwhile an operator swaps what the profile allows. Event 3 was refused, event 4 accepted: that must stay so, and what
        // is sent later is judged by the new revision.
        world.Documents.Put(Name, Validation.Profiles.Document("""{"name":"n","type":"number","minimum":14,"maximum":20}"""));
        world.LastSent = 4;
        var heir = world.Process();
        await World.Deliver(heir, Reading(3, 15));
        await World.Deliver(heir, Reading(4, 2));
        await World.Deliver(heir, Reading(5, 2), Reading(6, 16));
        Assert.Equal(["3-2", "3-4", "3-6"], world.Validated.Events.Select(one => one.MessageId));
        Assert.Equal([3, 5], world.Refusals().Keys.Order());
    }

    [Fact]
    public async Task Profiles_that_change_at_any_moment_lose_and_double_nothing()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var stream = Traffic.Of(seed, 150);
            using var world = new World();
            var process = world.Process();
            world.LastSent = stream[0].Sequence;
            world.Plan.Decide = (_, _) => random.Next(10) == 0 ? (FaultMode)random.Next(3) : null;
            for (var at = 0; at < stream.Count;)
            {
                if (random.Next(3) == 0) world.Documents.Put(Name, Document(maximum: random.Next(0, 11)));
                if (random.Next(3) == 0) world.Clock.Advance(TimeSpan.FromMinutes(1));
                var size = random.Next(1, 40);
                world.LastSent = Math.Max(world.LastSent, stream[Math.Min(at + size, stream.Count) - 1].Sequence);
                try
                {
                    await World.Deliver(process, [.. stream.Skip(at).Take(size)]);
                    at += size;
                }
                catch (Exception outage) when (outage is InjectedOutageException or Telemetry.Blobs.StaleWriterException)
                {
                    if (random.Next(2) == 0) process = world.Process();
                }
            }

            var refused = world.Refusals().Keys; // fails on a line twice
            var accounted = world.Validated.Events.Select(one => (long)one.ApplicationProperties!["source-sequence"]!).Concat(refused).Order().ToList();
            var silent = stream.Where(one => one.Source is "twinChangeEvents" or "deviceLifecycleEvents" or "deviceConnectionStateEvents").Select(one => one.Sequence).Except(refused);
            Assert.True(stream.Select(one => one.Sequence).SequenceEqual(accounted.Concat(silent).Order()), $"seed {seed}");
            Assert.True(world.Alerts.Events.Select(alert => alert.MessageId).Distinct().Count() == world.Alerts.Events.Count(), $"seed {seed}");
        }
    }

    [Theory]
    [InlineData("""{"tags":{"profile":"test@1"}}""", true, "test@1")]
    [InlineData("""{"version":3,"tags":{"model":"test","profile":"a-1@1000000","site":{"profile":"x"}},"properties":{"desired":{"tags":{"profile":"no@1"}}}}""", true, "a-1@1000000")]
    [InlineData("""{"tags":{"profile":null}}""", true, "")]
    [InlineData("""{"tags":{"model":"test"}}""", false, "")]
    [InlineData("""{"tags":null}""", true, "")]
    [InlineData("""{"properties":{}}""", false, "")]
    [InlineData("{}", false, "")]
    public void Tags_say_which_profile_a_device_has(string body, bool mentioned, string profile)
    {
        Assert.True(TwinTags.Parse(Encoding.UTF8.GetBytes(body)).TryGet(out var tags, out _));
        Assert.Equal((mentioned, profile), (tags.Mentioned, tags.Profile));
    }

    [Theory]
    [InlineData("", "twin-malformed")]
    [InlineData("[]", "twin-malformed")]
    [InlineData("""{"tags":[]}""", "twin-malformed")]
    [InlineData("""{"tags":{},"tags":{}}""", "twin-malformed")]
    [InlineData("""{"tags":{"profile":"test@1"}""", "twin-malformed")]
    [InlineData("""{"tags":{"profile":"test@1"}} x""", "twin-malformed")]
    [InlineData("""{"tags":{"profile":7}}""", "twin-profile")]
    [InlineData("""{"tags":{"profile":{}}}""", "twin-profile")]
    [InlineData("""{"tags":{"profile":""}}""", "twin-profile")]
    [InlineData("""{"tags":{"profile":"../test@1"}}""", "twin-profile")]
    public void Twins_that_cannot_be_read_are_refused(string body, string code)
    {
        Assert.False(TwinTags.Parse(Encoding.UTF8.GetBytes(body)).TryGet(out _, out var fault));
        Assert.Equal(code, fault?.Code);
    }

    [Fact]
    public void A_twin_nested_without_end_is_refused() =>
        Assert.Equal("twin-malformed", TwinTags.Parse(Encoding.UTF8.GetBytes("{\"tags\":" + new string('[', 10_000))).Fault?.Code);

    [Theory]
    [InlineData("a@1", true)]
    [InlineData("env-sensor@1000000", true)]
    [InlineData("env-sensor@1000001", false)]
    [InlineData("env-sensor@0", false)]
    [InlineData("env-sensor@01", false)]
    [InlineData("env-sensor@", false)]
    [InlineData("@1", false)]
    [InlineData("1a@1", false)]
    [InlineData("A@1", false)]
    [InlineData("a/b@1", false)]
    [InlineData("a@1@1", false)]
    [InlineData("a@ 1", false)]
    [InlineData("", false)]
    public void Names_of_profiles_have_one_spelling(string name, bool valid)
    {
        Assert.Equal(valid, ProfileName.IsValid(name));
        Assert.Equal(name.StartsWith('a') && valid, ProfileName.IsValid(name.Replace("a@", new string('a', 64) + "@", StringComparison.Ordinal)) && name.StartsWith("a@", StringComparison.Ordinal));
        Assert.False(ProfileName.IsValid(new string('a', 65) + "@1"));
    }

    private static string Document(int maximum, int version = 1) =>
        Validation.Profiles.Document($$"""{"name":"n","type":"number","minimum":-10,"maximum":{{maximum}}}""").Replace("\"version\":1", $"\"version\":{version}", StringComparison.Ordinal);

    private static Sent Reading(long sequence, int value) => new() { Sequence = sequence, Body = Sent.Message(sequence, $"\"n\":{value}") };
}
