using Serverless.FirmwareSigning.Device;
using Serverless.FirmwareSigning.ReleaseCommand.Releases;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Tests.Simulator;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.ReleaseCommand.Tests;

/// <summary>What an approver's proposal is compared with: the role and the policy that devices trust.</summary>
public sealed class DeviceViewTests : IDisposable
{
    private readonly Bench _bench = new();
    private readonly RepositorySimulator _repository = new(Bench.Day0);

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task A_product_that_nobody_delegates_to_is_unknown()
    {
        _repository.Delegate("targets", "gw200", ["gw200/*/*"], terminating: true);
        _repository.Publish("gw200", "targets", "snapshot", "timestamp");
        var view = await View();
        Assert.Equal("product-unknown", (await view.Role("gw100", Bench.Cancel)).Fault?.Code);
        Assert.Equal("product-unknown", view.Policy("gw100").Fault?.Code);
        Assert.Null((await view.Role("gw200", Bench.Cancel)).Fault);
        // Nor once nobody delegates to it any more, though its role was seen and is kept.
        _repository.Roles["targets"].Delegations.Clear();
        _repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal("product-unknown", (await (await View()).Role("gw200", Bench.Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task A_delegation_that_does_not_cover_the_products_names_is_not_its_role()
    {
        _repository.Delegate("targets", "gw100", ["gw200/*/*"], terminating: true);
        _repository.Publish("gw100", "targets", "snapshot", "timestamp");
        Assert.Equal("product-unknown", (await (await View()).Role("gw100", Bench.Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task Before_the_first_release_the_role_is_empty_and_afterwards_it_is_what_devices_see()
    {
        _repository.Delegate("targets", "gw100", ["gw100/*/*"], terminating: true);
        _repository.Publish("targets", "snapshot", "timestamp");
        Assert.True((await (await View()).Role("gw100", Bench.Cancel)).TryGet(out var role, out var fault), fault?.ToString());
        Assert.Equal(0, ((JsonObject)role.Find("targets")!).Count);
        _repository.AddArtifact("gw100", "gw100/1.0.0/image.bin", "image");
        _repository.Publish("gw100", "snapshot", "timestamp");
        Assert.True((await (await View()).Role("gw100", Bench.Cancel)).TryGet(out role, out fault), fault?.ToString());
        Assert.Equal(["gw100/1.0.0/image.bin"], ((JsonObject)role.Find("targets")!).Names);
        // A role that devices refuse is no base to compare with.
        _repository.Roles["gw100"].Signers.Clear();
        _repository.Publish("gw100", "snapshot", "timestamp");
        Assert.Equal("targets-threshold", (await (await View()).Role("gw100", Bench.Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task The_policy_comes_from_the_role_that_devices_trust()
    {
        var (pipeline, person) = (TestKeys.Named("policy"), TestKeys.Named("person"));
        var policy = new ProductPolicy(
            "gw100", PeoplePolicy.TwoPerson, ["gw100-r1"], pipeline.Key.KeyId, new Dictionary<string, string> { [person.Key.KeyId] = "aaaaaaaa-0000-4000-8000-000000000001" },
            new Dictionary<string, FirmwareSigning.Trust.Keys.PublicKey>(), 2)
        {
            Suit = new SuitPolicy("vendor.example", "app"),
        };
        _repository.Roles["targets"].Delegations.Add(Draft.Product("gw100", [pipeline.Key, person.Key], 2));
        _repository.Roles["targets"].Edit = policy.AddTo;
        _repository.Publish("targets", "snapshot", "timestamp");
        Assert.True((await View()).Policy("gw100").TryGet(out var read, out var fault), fault?.ToString());
        Assert.Equal((policy.Suit, policy.Pipeline), (read.Suit, read.Pipeline));
        Assert.Equal(pipeline.Key.KeyId, read.Keys[read.Pipeline].KeyId);
    }

    private async Task<DeviceView> View()
    {
        var address = new RepositoryAddress(new Uri("http://repository.test/metadata/"), new Uri("http://repository.test/targets/"));
        var viewed = await DeviceView.Refresh(_bench["metadata"], _repository.Published["root"][0], _repository, address, _bench.Clock, Bench.Cancel);
        return viewed.TryGet(out var view, out var fault) ? view : throw new InvalidOperationException(fault.ToString());
    }
}
