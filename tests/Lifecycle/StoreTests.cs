using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage.Blobs.Specialized;
using Serverless.Devices;
using Serverless.Devices.Tables;
using Serverless.Devices.Tests;
using Serverless.KeyVault;
using Serverless.Lifecycle.Audits;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Stores;
using Serverless.Local.Identity;
using Serverless.Local.KeyVault;
using Serverless.Local.Tls;

namespace Serverless.Lifecycle.Tests;

/// <summary>The app's stores against Azurite and the local vault.</summary>
public sealed class StoreTests(StorageFixture storage)
{
    [Fact]
    public async Task A_statement_is_stored_once_and_the_first_stays()
    {
        var statements = new BlobStatements((await storage.Open()).Audit);
        var device = Dead("once:1", World.Start);
        Assert.Null(await statements.Read(device, Cancel));
        Assert.Equal("first", await statements.Store(device, "first", Cancel));
        Assert.Equal("first", await statements.Store(device, "second", Cancel));
        Assert.Equal("first", await statements.Read(device, Cancel));
        Assert.Null(await statements.Read(Dead("once:1", World.Start.AddDays(1)), Cancel)); // another ending
    }

    [Fact]
    public async Task Attempts_are_appended_and_read_oldest_first()
    {
        var returns = new BlobReturns((await storage.Open()).Audit);
        var id = DeviceId.From("returns-1");
        Assert.Empty(await returns.Read(id, Cancel));
        await returns.Note(id, new ReturnAttempt(World.Start.AddMinutes(1), "hub-session", "b"), Cancel);
        await returns.Note(id, new ReturnAttempt(World.Start, "dps-registration", "a"), Cancel);
        Assert.Equal(["a", "b"], (await returns.Read(id, Cancel)).Select(attempt => attempt.Answer));
    }

    [Fact]
    public async Task More_attempts_than_are_read_are_read_up_to_the_last_whole_line()
    {
        var (_, audit) = await storage.Open();
        var returns = new BlobReturns(audit);
        var id = DeviceId.From("returns-2");
        await returns.Note(id, new ReturnAttempt(World.Start, "telemetry", new string('x', 1000)), Cancel);
        var line = (await audit.GetBlobClient("returns/returns-2.jsonl").DownloadContentAsync(Cancel)).Value.Content.ToArray();
        var many = 2 * 1024 * 1024 / line.Length;
        for (var block = 0; block < 3; block++)
        {
            using var lines = new MemoryStream([.. Enumerable.Repeat(line, many).SelectMany(bytes => bytes)]);
            await audit.GetAppendBlobClient("returns/returns-2.jsonl").AppendBlockAsync(lines, cancellationToken: Cancel);
        }

        Assert.Equal(4 * 1024 * 1024 / line.Length, (await returns.Read(id, Cancel)).Count);
    }

    [Fact]
    public async Task A_dead_devices_row_removed_by_hand_frees_its_id_and_not_its_keys()
    {
        var (table, audit) = await storage.Open();
        var ledger = new TableLedger(table, audit, TimeProvider.System, "byhand");
        var deed = new Deed(Act.Enroll, "tester", "because", World.Start);
        DeviceRecord Living(string id, string key) => Dead(id, World.Start) with { State = DeviceState.Enrolled, Ending = null, Closings = Closings.None, Current = new DeviceKey(KeyKind.X509, World.KeyOf(key)) };
        World.Value(await ledger.Create(Living("by-hand-1", "old"), deed, Cancel));
        await ledger.Deny(World.KeyOf("old"), deed with { By = Act.Close }, Cancel);

        await foreach (var row in table.QueryAsync<TableEntity>("RowKey eq 'd:by-hand-1'", cancellationToken: Cancel)) await table.DeleteEntityAsync(row.PartitionKey, row.RowKey, cancellationToken: Cancel);
        Assert.Null(await ledger.Get(DeviceId.From("by-hand-1"), Cancel));

        Assert.Equal("key-forbidden", (await ledger.Create(Living("by-hand-1", "old"), deed, Cancel)).Fault?.Code);
        Assert.Equal("key-forbidden", (await ledger.Create(Living("by-hand-2", "old"), deed, Cancel)).Fault?.Code);
        Assert.Null((await ledger.Create(Living("by-hand-1", "new"), deed, Cancel)).Fault); // what refuses the id is the entry planted in DPS
    }

    [Fact]
    public async Task Findings_claims_and_the_cursor_are_kept_and_only_one_moves_the_cursor()
    {
        var findings = new TableFindings((await storage.Open()).Devices);
        var finding = new OpenFinding("identity-orphaned", "a/b#c?d%e", "hub-a", World.Start, 1) { AcceptedUntil = World.Start.AddDays(1), AcceptedWhy = "why", AcceptedBy = "alice" };
        await findings.Put(finding with { Round = 0 }, Cancel);
        await findings.Put(finding, Cancel);
        Assert.Equal([finding], await findings.All(Cancel));
        await findings.Remove(finding, Cancel);
        await findings.Remove(finding, Cancel);
        Assert.Empty(await findings.All(Cancel));

        var thumbprint = new string('a', 64);
        Assert.Null(await findings.Claim(thumbprint, "d", 1, Cancel));
        Assert.Null(await findings.Claim(thumbprint, "d", 1, Cancel));
        Assert.Equal("d", await findings.Claim(thumbprint, "e", 1, Cancel));
        Assert.Null(await findings.Claim(thumbprint, "f", 2, Cancel));

        Assert.Null(await findings.Cursor(Cancel));
        var first = (await findings.Move(new AuditCursor(1, 0, "after", 2, 3, World.Start, [new RoundScore(1, World.Start, 99.5, 1, 2)]), Cancel))!;
        Assert.Null(await findings.Move(first with { ETag = "" }, Cancel));
        var second = (await findings.Move(first with { Pass = 1, After = null }, Cancel))!;
        Assert.Null(await findings.Move(first with { Pass = 2 }, Cancel));
        var read = (await findings.Cursor(Cancel))!;
        Assert.Equal((1L, 1, null, 2L, 3L, 99.5, second.ETag), (read.Round, read.Pass, read.After, read.Devices, read.Checked, read.Score, read.ETag));
    }

    [Fact]
    public async Task The_vaults_key_signs_statements_with_the_version_they_name()
    {
        var folder = Directory.CreateTempSubdirectory("death-").FullName;
        using var authority = new LocalAuthority(folder, TimeProvider.System.GetUtcNow());
        var directory = LocalTenant.Directory();
        using var tokens = new Tokens(directory, LocalTenant.TenantId, TimeProvider.System);
        await using var vault = await KeyVaultService.Start(new KeyVaultOptions(), new Uri("https://localhost:1/"), authority, tokens, directory, TimeProvider.System, Cancel);
        using var http = new HttpClient(LocalTrust.Handler(authority));
        var client = new KeyVaultClient(vault.VaultUri, new LocalCredential(tokens, LocalTenant.Lifecycle), TimeProvider.System, new KeyVaultClientOptions { Transport = new HttpClientTransport(http) });
        var signer = new VaultSigner(client);
        await Assert.ThrowsAsync<IOException>(() => signer.KeyId(Cancel)); // no such key yet: an outage, not a statement without one
        vault.Ensure(VaultSigner.Name);

        var keyId = await signer.KeyId(Cancel);
        vault.Rotate(VaultSigner.Name); // between asking and signing
        var input = DeathStatement.SigningInput(Dead("signed", World.Start), [], keyId, World.Start);
        var statement = DeathStatement.Compact(input, (await signer.Sign(keyId, DeathStatement.Digest(input), Cancel)).Span);

        var version = VaultKeyId.Parse(keyId).TryGet(out var id, out _) ? id.Version : "";
        using var key = World.Value(await client.GetKey(VaultSigner.Name, version, Cancel)).ToECDsa();
        Assert.Null(DeathStatement.Verify(statement, key).Fault);
        using var newer = World.Value(await client.GetKey(VaultSigner.Name, null, Cancel)).ToECDsa();
        Assert.Equal("statement-signature", DeathStatement.Verify(statement, newer).Fault?.Code);
        Directory.Delete(folder, recursive: true);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static DeviceRecord Dead(string id, DateTimeOffset askedAt)
    {
        var record = new DeviceRecord
        {
            Id = DeviceId.From(id),
            State = DeviceState.Dead,
            Model = "pump",
            Owner = "owner-1",
            Current = new DeviceKey(KeyKind.X509, World.KeyOf(id)),
            EnrolledAt = World.Start,
            Ending = new Ending("sold", askedAt, askedAt, DeviceState.Active),
        };
        return record with { Closings = Planes.Of(record).Aggregate(Closings.None, (closings, plane) => closings.With(new PlaneClosing(plane.Name, Stages.Verified, World.Start))) };
    }
}
