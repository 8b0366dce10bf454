using System.Diagnostics;
using System.Globalization;
using System.Text;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Serverless.Devices;
using Serverless.Devices.Tables;
using Serverless.Local.Identity;
using Serverless.Local.Storage;
using Serverless.Local.Tls;

namespace Serverless.Benchmarks.Enrollment;

/// <summary>The device ledger: what each call costs in memory and against Azurite, and what a sweep of due rows reads of many devices.</summary>
internal static class LedgerSubject
{
    public const string What = "the device ledger's calls in memory and against Azurite, and a sweep that reads due rows only";
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static async Task<int> Run(string[] args)
    {
        var devices = args is ["--devices", var text] ? int.Parse(text, CultureInfo.InvariantCulture) : 2000;
        await Measure("ledger-memory", new MemoryLedger(), devices).ConfigureAwait(false);

        var folder = Directory.CreateTempSubdirectory("serverless-bench-");
        try
        {
            using var authority = new LocalAuthority(folder.FullName, TimeProvider.System.GetUtcNow());
            var tenant = LocalTenant.Directory();
            using var tokens = new Tokens(tenant, LocalTenant.TenantId, TimeProvider.System);
            var storage = await Azurite.Start(new AzuriteOptions(), authority, tokens, tenant, CancellationToken.None).ConfigureAwait(false);
            await using (storage.ConfigureAwait(false))
            {
                using var http = new HttpClient(LocalTrust.Handler(authority));
                var counted = new Counted();
                var options = new TableClientOptions { Transport = new HttpClientTransport(http) };
                options.AddPolicy(counted, Azure.Core.HttpPipelinePosition.PerRetry);
                var credential = new LocalCredential(tokens, LocalTenant.Enrollment);
                var table = new TableServiceClient(storage.TableServiceUri, credential, options).GetTableClient("devices");
                var audit = new BlobServiceClient(storage.BlobServiceUri, credential, new BlobClientOptions { Transport = new HttpClientTransport(http) }).GetBlobContainerClient("audit");
                await Measure("ledger-tables", new TableLedger(table, audit, TimeProvider.System, "bench"), devices, () => counted.Requests).ConfigureAwait(false);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return 0;
    }

    private static async Task Measure(string name, IDeviceLedger ledger, int devices, Func<int>? requests = null)
    {
        await Each("create", i => ledger.Create(Device(i), Deed(Act.Enroll), default)).ConfigureAwait(false);
        await Each("get", i => ledger.Get(Id(i), default)).ConfigureAwait(false);
        await Each("find-by-key", i => ledger.FindByKey(Key(i), default)).ConfigureAwait(false);
        await Each("admit", i => ledger.Change(Id(i), Deed(Act.Admit), row => row with { State = DeviceState.Active, Hub = "hub", LastSeenAt = Now }, default)).ConfigureAwait(false);
        await Once("settle", () => ledger.Settle(default)).ConfigureAwait(false);
        await Once("settle-again", () => ledger.Settle(default)).ConfigureAwait(false);
        await Once("sweep-nothing-due", () => Due(Now)).ConfigureAwait(false);
        await Once("sweep-one-in-a-hundred-due", () => Due(Now.AddDays(1))).ConfigureAwait(false);
        await Once("list-everything", async () =>
        {
            string? after = null;
            var found = 0;
            do
            {
                if (!(await ledger.List(new DeviceQuery(DeviceState.Active), after, 1000, default).ConfigureAwait(false)).TryGet(out var page, out var fault)) throw new InvalidOperationException(fault.ToString());
                (found, after) = (found + page.Items.Count, page.Next);
            }
            while (after is not null);
            return found == devices ? found : throw new InvalidOperationException($"{found} of {devices} devices listed");
        }).ConfigureAwait(false);

        async Task Each<T>(string call, Func<int, Task<T>> act)
        {
            var (began, before) = (Stopwatch.GetTimestamp(), requests?.Invoke());
            await Parallel.ForEachAsync(Enumerable.Range(0, devices), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) => await act(i).ConfigureAwait(false)).ConfigureAwait(false);
            Figure.Print($"{name}.{call}", devices / Stopwatch.GetElapsedTime(began).TotalSeconds, "calls/s");
            if (before is { } then) Figure.Print($"{name}.{call}.requests", (requests!() - then) / (double)devices, "requests/call");
        }

        async Task Once(string call, Func<Task<int>> act)
        {
            var (began, before) = (Stopwatch.GetTimestamp(), requests?.Invoke());
            await act().ConfigureAwait(false);
            Figure.Print($"{name}.{call}", Stopwatch.GetElapsedTime(began).TotalMilliseconds, "ms");
            if (before is { } then) Figure.Print($"{name}.{call}.requests", requests!() - then, "requests");
        }

        async Task<int> Due(DateTimeOffset until)
        {
            string? after = null;
            var found = 0;
            do
            {
                if (!(await ledger.Due(until, after, 1000, default).ConfigureAwait(false)).TryGet(out var page, out var fault)) throw new InvalidOperationException(fault.ToString());
                (found, after) = (found + page.Items.Count, page.Next);
            }
            while (after is not null);
            var expected = until > Now ? (devices + 99) / 100 : 0;
            return found == expected ? found : throw new InvalidOperationException($"{found} rows due, not {expected}");
        }
    }

    private static DeviceId Id(int i) => DeviceId.From(string.Create(CultureInfo.InvariantCulture, $"bench-{i}"));

    private static KeyThumbprint Key(int i) => KeyThumbprint.Of(Encoding.ASCII.GetBytes(Id(i).Text));

    private static Deed Deed(Act act) => new(act, "bench", "measured", Now);

    private static DeviceRecord Device(int i) => new()
    {
        Id = Id(i),
        State = DeviceState.Enrolled,
        Model = "pump",
        Owner = "acme",
        Current = new DeviceKey(KeyKind.X509, Key(i), Now, Now.AddYears(1), new string('A', 800), Key(i).Text),
        EnrolledAt = Now,
        DueAt = i % 100 == 0 ? Now.AddHours(1) : null,
    };

    private sealed class Counted : HttpPipelineSynchronousPolicy
    {
        private int _requests;

        public int Requests => Volatile.Read(ref _requests);

        public override void OnSendingRequest(Azure.Core.HttpMessage message) => Interlocked.Increment(ref _requests);
    }
}
