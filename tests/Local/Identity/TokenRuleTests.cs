using Microsoft.Extensions.Time.Testing;
using Serverless.Local.Identity;

namespace Serverless.Local.Tests.Identity;

public sealed class TokenRuleTests : IDisposable
{
    private static readonly Principal Telemetry = new(
        "telemetry",
        new Guid("11111111-0000-0000-0000-000000000001"),
        new Guid("22222222-0000-0000-0000-000000000001"),
        [new RoleAssignment("Azure Event Hubs Data Receiver", "eventhubs/telemetry")],
        ["Fleet.Read"]);

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly TenantDirectory _directory = new([Telemetry]);
    private readonly Tokens _tokens;

    public TokenRuleTests() => _tokens = new Tokens(_directory, new Guid("33333333-0000-0000-0000-000000000001"), _clock);

    [Fact]
    public async Task A_token_speaks_for_its_principal_until_it_expires()
    {
        var (token, expiresAt) = _tokens.Issue(Telemetry, Audiences.Api);
        var verified = await _tokens.Verify(token, Audiences.Api, TestContext.Current.CancellationToken);
        Assert.True(verified.TryGet(out var caller, out _));
        Assert.Equal(Telemetry.ClientId, caller.ClientId);
        Assert.Equal(["Fleet.Read"], caller.Roles);
        Assert.Equal(expiresAt, caller.ExpiresAt);

        _clock.SetUtcNow(expiresAt);
        Assert.Equal("token-expired", (await _tokens.Verify(token, Audiences.Api, TestContext.Current.CancellationToken)).Fault?.Code);
    }

    [Fact]
    public async Task A_token_for_one_service_is_refused_by_another()
    {
        var (token, _) = _tokens.Issue(Telemetry, Audiences.EventHubs);
        Assert.Equal("token-audience", (await _tokens.Verify(token, Audiences.IotHub, TestContext.Current.CancellationToken)).Fault?.Code);
    }

    [Fact]
    public async Task App_roles_are_only_in_tokens_for_our_own_api()
    {
        var (token, _) = _tokens.Issue(Telemetry, Audiences.EventHubs);
        Assert.True((await _tokens.Verify(token, Audiences.EventHubs, TestContext.Current.CancellationToken)).TryGet(out var caller, out _));
        Assert.Empty(caller.Roles);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a token")]
    [InlineData("eyJhbGciOiJub25lIn0.eyJhcHBpZCI6IngifQ.")]
    public async Task What_is_not_a_token_of_ours_is_refused(string text) =>
        Assert.Equal("token-invalid", (await _tokens.Verify(text, Audiences.Api, TestContext.Current.CancellationToken)).Fault?.Code);

    [Fact]
    public async Task A_token_of_another_tenant_key_is_refused()
    {
        using var stranger = new Tokens(_directory, _tokens.TenantId, _clock);
        var (token, _) = stranger.Issue(Telemetry, Audiences.Api);
        Assert.Equal("token-invalid", (await _tokens.Verify(token, Audiences.Api, TestContext.Current.CancellationToken)).Fault?.Code);
    }

    [Fact]
    public async Task A_principal_that_no_longer_exists_is_refused()
    {
        var gone = Telemetry with { ClientId = new Guid("11111111-0000-0000-0000-00000000dead") };
        var (token, _) = _tokens.Issue(gone, Audiences.Api);
        Assert.Equal("token-unknown-app", (await _tokens.Verify(token, Audiences.Api, TestContext.Current.CancellationToken)).Fault?.Code);
    }

    [Theory]
    [InlineData("Microsoft.EventHub/namespaces/messages/receive/action", "eventhubs/telemetry", true)]
    [InlineData("Microsoft.EventHub/namespaces/messages/receive/action", "eventhubs/telemetry/consumergroups/functions", true)]
    [InlineData("Microsoft.EventHub/namespaces/messages/receive/action", "eventhubs/telemetry2", false)]
    [InlineData("Microsoft.EventHub/namespaces/messages/receive/action", "eventhubs", false)]
    [InlineData("Microsoft.EventHub/namespaces/messages/send/action", "eventhubs/telemetry", false)]
    [InlineData("Microsoft.Devices/IotHubs/devices/read", "iothub", false)]
    public void A_role_allows_its_actions_at_its_scope_and_below(string action, string scope, bool allowed) =>
        Assert.Equal(allowed, _directory.Allows(Telemetry.ClientId, action, scope));

    [Fact]
    public void A_role_nobody_defined_is_a_mistake_in_the_directory() =>
        Assert.Throws<ArgumentException>(() => new TenantDirectory([Telemetry with { Assignments = [new RoleAssignment("Owner of everything", "")] }]));

    public void Dispose() => _tokens.Dispose();
}
