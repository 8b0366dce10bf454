using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;
using Serverless.Local.Identity;

namespace Serverless.Local.Run.Firmware;

/// <summary>What happens on a machine without a network: root and targets keys are made, and who may release what is written down.</summary>
internal sealed class OfflineCeremony : IDisposable
{
    private readonly FileKey _root = FileKey.Create();
    private readonly FileKey _targets = FileKey.Create();

    /// <summary>Root 1: the online keys are the vault's.</summary>
    public Task<byte[]> Root(PublicKey snapshot, PublicKey timestamp, DateTimeOffset now, CancellationToken cancel) => Sign(
        Draft.Root(1, now.AddDays(365), new Dictionary<string, RoleDraft>
        {
            [RoleName.Root] = new([_root.Key], 1),
            [RoleName.Targets] = new([_targets.Key], 1),
            [RoleName.Snapshot] = new([snapshot], 1),
            [RoleName.Timestamp] = new([timestamp], 1),
        }),
        _root,
        cancel);

    /// <summary>Targets 1: one product, two people a release, an envelope for the MCUs behind its gateways.</summary>
    public Task<byte[]> Targets(string product, SuitPolicy mcus, PublicKey pipeline, IReadOnlyList<(PublicKey Key, Principal Person)> people, DateTimeOffset now, CancellationToken cancel)
    {
        var keys = people.Select(one => one.Key).Prepend(pipeline).ToList();
        var policy = new ProductPolicy(
            product, PeoplePolicy.TwoPerson, [$"{product}-r1"], pipeline.KeyId,
            people.ToDictionary(one => one.Key.KeyId, one => one.Person.ObjectId.ToString()), keys.ToDictionary(key => key.KeyId), 2)
        {
            Suit = mcus,
        };
        var draft = Draft.Targets(1, now.AddDays(365), new Dictionary<string, TargetFile>(), [Draft.Product(product, keys, policy.Threshold)]);
        return Sign(policy.AddTo(draft), _targets, cancel);
    }

    /// <summary>Destroys the keys.</summary>
    public void Dispose()
    {
        _root.Dispose();
        _targets.Dispose();
    }

    /// <summary>Signs a draft with one key.</summary>
    public static async Task<byte[]> Sign(JsonObject draft, IDigestSigner key, CancellationToken cancel) =>
        (await SignedFile.Create(draft, [key], cancel).ConfigureAwait(false)).TryGet(out var file, out var fault) ? file : throw new InvalidOperationException($"signing: {fault}");
}
