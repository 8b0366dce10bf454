using System.Security.Cryptography;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Vault;
using Serverless.Local.KeyVault;

namespace Serverless.KeyVault.Tests;

/// <summary>A vault's key as the signer of metadata.</summary>
public class VaultSignerTests
{
    private static readonly JsonObject Signed = JsonObject.Of(("_type", "targets"), ("version", 1L));

    [Fact]
    public async Task It_signs_metadata_that_its_public_key_verifies()
    {
        await using var vault = await LocalVault.Start();
        Assert.True(vault.Service.Create("release").TryGet(out var id, out _));
        Assert.True((await VaultSigner.Open(vault.Client(), "release", null, LocalVault.Cancel)).TryGet(out var signer, out var fault), fault?.ToString());
        Assert.Equal(id, signer.Id.ToString());
        Assert.True((await SignedFile.Create(Signed, [signer], LocalVault.Cancel)).TryGet(out var file, out fault), fault?.ToString());
        Assert.True(Envelope.Read(file).TryGet(out var envelope, out _));
        Assert.True(signer.Key.Verifies(envelope.SignedBytes.Span, envelope.Signatures[signer.Key.KeyId]));
    }

    [Fact]
    public async Task A_rotation_in_the_vault_does_not_change_which_key_signs()
    {
        await using var vault = await LocalVault.Start();
        Assert.True(vault.Service.Create("release").TryGet(out var id, out _));
        Assert.True((await VaultSigner.Open(vault.Client(), "release", null, LocalVault.Cancel)).TryGet(out var signer, out _));
        Assert.True(vault.Service.Rotate("release").TryGet(out var next, out _));
        Assert.True((await signer.Sign(new byte[32], LocalVault.Cancel)).TryGet(out var signature, out _));
        Assert.Equal(id, signature.KeyVersion);
        Assert.NotEqual(id, next);
        // A signer of the old version can still be opened by naming it.
        Assert.True((await VaultSigner.Open(vault.Client(), "release", id.Split('/')[^1], LocalVault.Cancel)).TryGet(out var pinned, out _));
        Assert.Equal(signer.Key.KeyId, pinned.Key.KeyId);
    }

    [Fact]
    public async Task A_key_that_was_switched_off_meanwhile_is_a_refusal()
    {
        await using var vault = await LocalVault.Start();
        Assert.Null(vault.Service.Create("release").Fault);
        Assert.True((await VaultSigner.Open(vault.Client(), "release", null, LocalVault.Cancel)).TryGet(out var signer, out _));
        Assert.Null(vault.Service.SetEnabled("release", null, enabled: false).Fault);
        Assert.Equal("key-disabled", (await signer.Sign(new byte[32], LocalVault.Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task Only_P256_signs_metadata()
    {
        await using var vault = await LocalVault.Start();
        Assert.Null(vault.Service.Create("release", new KeySpec("P-384")).Fault);
        Assert.Equal("key-type", (await VaultSigner.Open(vault.Client(), "release", null, LocalVault.Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task Another_persons_key_is_forbidden_and_an_absent_one_is_not_found()
    {
        await using var vault = await LocalVault.Start();
        Assert.Null(vault.Service.Create("policy").Fault);
        Assert.Equal("key-forbidden", (await VaultSigner.Open(vault.Client(), "policy", null, LocalVault.Cancel)).Fault?.Code);
        Assert.Equal("key-not-found", (await VaultSigner.Open(vault.Client(), "release", null, LocalVault.Cancel)).Fault?.Code);
    }

    [Fact]
    public async Task An_outage_passes_through()
    {
        await using var vault = await LocalVault.Start();
        Assert.Null(vault.Service.Create("release").Fault);
        Assert.True((await VaultSigner.Open(vault.Client(), "release", null, LocalVault.Cancel)).TryGet(out var signer, out _));
        vault.Service.Fail(503);
        await Assert.ThrowsAsync<KeyVaultOutageException>(() => signer.Sign(new byte[32], LocalVault.Cancel));
        vault.Service.Recover();
        Assert.Null((await signer.Sign(SHA256.HashData([]), LocalVault.Cancel)).Fault);
    }
}
