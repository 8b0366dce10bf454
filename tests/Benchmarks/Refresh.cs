using System.Diagnostics;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Serverless.FirmwareSigning.Device;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Device.Files;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.Benchmarks;

/// <summary>First update check of a device against a repository of 10,000 targets and 100 delegations, and a lookup behind the last of
/// them; ours and tuf-js (Node, <c>npm ci</c> in tests/FirmwareSigning/node) against the same loopback server.</summary>
internal static class Refresh
{
    private const int TargetCount = 10_000;
    private const int DelegationCount = 100;
    private const int Rounds = 15;
    private const int TheirRounds = 3; // each takes seconds
    private static readonly string Wanted = $"p{DelegationCount - 1}/1/image";

    public static async Task<int> Run(string[] options)
    {
        var directory = Directory.CreateTempSubdirectory("refresh").FullName;
        using var listener = new HttpListener();
        try
        {
            var files = await Publish().ConfigureAwait(false);
            var address = Listen(listener, files);
            var ours = new List<double>();
            for (var round = 0; round < Rounds; round++) ours.Add(await Ours(address, Path.Combine(directory, $"ours-{round}"), files).ConfigureAwait(false));
            Figure.Print("refresh.targets-file", files["/metadata/1.targets.json"].Length / 1048576.0, "MiB");
            Figure.Print("refresh.ours", Median(ours), "ms");
            Figure.Print("refresh.ours-peak-memory", Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0, "MiB");
            if (await Theirs(address, directory, files).ConfigureAwait(false) is not { } theirs) return 0;
            Figure.Print("refresh.tuf-js", theirs.Milliseconds, "ms");
            Figure.Print("refresh.tuf-js-peak-memory", theirs.PeakMiB, "MiB");
            Figure.Print("refresh.relative", theirs.Milliseconds / Median(ours), "x", ">=", 1);
            return 0;
        }
        finally
        {
            listener.Close();
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<Dictionary<string, byte[]>> Publish()
    {
        var expires = TimeProvider.System.GetUtcNow() + TimeSpan.FromDays(30);
        var key = FileKey.Create();
        var content = "image"u8.ToArray();
        var file = new TargetFile(content.Length, Hashes.Of(content), null);
        var files = new Dictionary<string, byte[]> { [$"/targets/p{DelegationCount - 1}/1/{file.Hashes.Prefix}.image"] = content };
        var meta = new Dictionary<string, MetaFile>();
        async Task Sign(string name, string role, FirmwareSigning.Trust.Json.JsonObject draft)
        {
            if (!(await SignedFile.Create(draft, [key], CancellationToken.None).ConfigureAwait(false)).TryGet(out var signed, out var fault)) throw new InvalidOperationException(fault.ToString());
            files[$"/metadata/{name}"] = signed;
            meta[role] = MetaFile.Of(1, signed);
        }

        var products = Enumerable.Range(0, DelegationCount).Select(i => $"p{i}").ToList();
        foreach (var product in products)
            await Sign($"1.{product}.json", product, Draft.Targets(1, expires, new Dictionary<string, TargetFile> { [$"{product}/1/image"] = file }, [])).ConfigureAwait(false);
        var all = Enumerable.Range(0, TargetCount).ToDictionary(i => $"files/{i:D5}/image.bin", _ => file);
        await Sign("1.targets.json", "targets", Draft.Targets(1, expires, all, [.. products.Select(product => Draft.Product(product, [key.Key], 1))])).ConfigureAwait(false);
        await Sign("1.snapshot.json", "snapshot", Draft.Snapshot(1, expires, new Dictionary<string, MetaFile>(meta))).ConfigureAwait(false);
        await Sign("timestamp.json", "timestamp", Draft.Timestamp(1, expires, meta["snapshot"])).ConfigureAwait(false);
        var role = new RoleDraft([key.Key], 1);
        await Sign("1.root.json", "root", Draft.Root(1, expires, RoleName.TopLevel.ToDictionary(name => name, _ => role))).ConfigureAwait(false);
        return files;
    }

    private static async Task<double> Ours(string address, string directory, Dictionary<string, byte[]> files)
    {
        var store = new MetadataStore(new DiskFiles(directory));
        store.Keep(RoleName.Root, files["/metadata/1.root.json"]);
        using var transport = new HttpTransport("benchmark");
        var fetch = new BoundedFetch(transport, FetchLimits.Default, TimeProvider.System);
        var began = Stopwatch.GetTimestamp();
        var refreshed = await RepositorySession.Refresh(store, fetch, new RepositoryAddress(new Uri($"{address}/metadata"), new Uri($"{address}/targets")), TimeProvider.System.GetUtcNow(), CancellationToken.None).ConfigureAwait(false);
        if (!refreshed.TryGet(out var session, out var fault)) throw new InvalidOperationException(fault.ToString());
        if (!(await session.Find(Wanted, CancellationToken.None).ConfigureAwait(false)).TryGet(out _, out fault)) throw new InvalidOperationException(fault.ToString());
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    private static async Task<(double Milliseconds, double PeakMiB)?> Theirs(string address, string directory, Dictionary<string, byte[]> files)
    {
        var folder = Path.Combine(SourceFolder(), "..", "FirmwareSigning", "node");
        if (!Directory.Exists(Path.Combine(folder, "node_modules")))
        {
            await Console.Error.WriteLineAsync("refresh: tuf-js is not installed (npm ci in tests/FirmwareSigning/node); it is not measured.").ConfigureAwait(false);
            return null;
        }
        using var node = Process.Start(new ProcessStartInfo("node", [Path.Combine(folder, "client.mjs")]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        var (times, peak) = (new List<double>(), 0.0);
        for (var round = 0; round < TheirRounds; round++)
        {
            var dir = Path.Combine(directory, $"theirs-{round}");
            Directory.CreateDirectory(Path.Combine(dir, "metadata"));
            await File.WriteAllBytesAsync(Path.Combine(dir, "metadata", "root.json"), files["/metadata/1.root.json"]).ConfigureAwait(false);
            await node.StandardInput.WriteLineAsync(new JsonObject { ["base"] = address, ["dir"] = dir, ["target"] = Wanted }.ToJsonString()).ConfigureAwait(false);
            await node.StandardInput.FlushAsync().ConfigureAwait(false);
            var answer = JsonNode.Parse((await node.StandardOutput.ReadLineAsync().ConfigureAwait(false))!)!;
            if (!(bool)answer["ok"]!) throw new InvalidOperationException((string?)answer["fault"]);
            times.Add((double)answer["foundMs"]!);
            peak = Math.Max(peak, (double)answer["rssBytes"]! / 1048576);
        }
        node.StandardInput.Close();
        await node.WaitForExitAsync().ConfigureAwait(false);
        return (Median(times), peak);
    }

    private static string Listen(HttpListener listener, Dictionary<string, byte[]> files)
    {
        using var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var address = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        probe.Stop();
        listener.Prefixes.Add(address + "/");
        listener.Start();
        _ = Task.Run(async () =>
        {
            while (listener.IsListening)
            {
                HttpListenerContext context;
                try
                {
                    context = await listener.GetContextAsync().ConfigureAwait(false);
                }
                catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
                {
                    return;
                }
                if (!files.TryGetValue(context.Request.Url!.AbsolutePath, out var content)) (context.Response.StatusCode, content) = (404, Encoding.ASCII.GetBytes("none"));
                context.Response.ContentLength64 = content.Length;
                await context.Response.OutputStream.WriteAsync(content).ConfigureAwait(false);
                context.Response.Close();
            }
        });
        return address;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string SourceFolder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
