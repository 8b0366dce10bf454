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

/// <summary>First update check of a device, and a lookup behind the last delegation; ours and tuf-js (Node, <c>npm ci</c> in
/// tests/FirmwareSigning/node) against the same loopback server, at sizes of which the last is the goal's.</summary>
/// <remarks>Every round begins with the first root alone, so that nothing is cached; tuf-js keeps one process for all rounds of a size, so its
/// start is not counted. It gets <see cref="Patience"/> a round and is reported as not finished after that. tuf-js 5.0.1 builds its map of
/// targets by copying all entries before for each entry (@tufjs/models, targets.js, a <c>reduce</c> with a spread), on reading and again on
/// verifying: its time grows with the square of the number of targets. Hence the smaller sizes, at which both finish.</remarks>
internal static class Refresh
{
    private const int Rounds = 15;
    private const int TheirRounds = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly (int Targets, int Delegations)[] Sizes = [(100, 10), (1_000, 100), (2_000, 100), (10_000, 100)];

    public static async Task<int> Run(string[] options)
    {
        foreach (var (targets, delegations) in Sizes) await Measure(targets, delegations, keep: options.FirstOrDefault()).ConfigureAwait(false);
        return 0;
    }

    private static async Task Measure(int targets, int delegations, string? keep)
    {
        var directory = Directory.CreateTempSubdirectory("refresh").FullName;
        using var listener = new HttpListener();
        try
        {
            var name = $"refresh.{targets}x{delegations}";
            var files = await Publish(targets, delegations).ConfigureAwait(false);
            if (keep is not null) Keep(Path.Combine(keep, $"{targets}x{delegations}"), files);
            var address = Listen(listener, files);
            var wanted = $"p{delegations - 1}/1/image";
            var ours = new List<double>();
            for (var round = 0; round < Rounds; round++) ours.Add(await Ours(address, Path.Combine(directory, $"ours-{round}"), files, wanted).ConfigureAwait(false));
            Figure.Print($"{name}.targets-file", files["/metadata/1.targets.json"].Length / 1048576.0, "MiB");
            Figure.Print($"{name}.ours", Median(ours), "ms");
            Figure.Print($"{name}.ours-peak-memory", Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0, "MiB");
            if (await Theirs(address, directory, files, wanted).ConfigureAwait(false) is not { } theirs) return;
            Figure.Print($"{name}.tuf-js", theirs.Milliseconds, "ms");
            Figure.Print($"{name}.tuf-js-peak-memory", theirs.PeakMiB, "MiB");
            Figure.Print($"{name}.relative", theirs.Milliseconds / Median(ours), "x", ">=", 1);
        }
        finally
        {
            listener.Close();
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<Dictionary<string, byte[]>> Publish(int targetCount, int delegationCount)
    {
        var expires = TimeProvider.System.GetUtcNow() + TimeSpan.FromDays(30);
        var key = FileKey.Create();
        var content = "image"u8.ToArray();
        var file = new TargetFile(content.Length, Hashes.Of(content), null);
        var files = new Dictionary<string, byte[]> { [$"/targets/p{delegationCount - 1}/1/{file.Hashes.Prefix}.image"] = content };
        var meta = new Dictionary<string, MetaFile>();
        async Task Sign(string name, string role, FirmwareSigning.Trust.Json.JsonObject draft)
        {
            if (!(await SignedFile.Create(draft, [key], CancellationToken.None).ConfigureAwait(false)).TryGet(out var signed, out var fault)) throw new InvalidOperationException(fault.ToString());
            files[$"/metadata/{name}"] = signed;
            meta[role] = MetaFile.Of(1, signed);
        }

        var products = Enumerable.Range(0, delegationCount).Select(i => $"p{i}").ToList();
        foreach (var product in products)
            await Sign($"1.{product}.json", product, Draft.Targets(1, expires, new Dictionary<string, TargetFile> { [$"{product}/1/image"] = file }, [])).ConfigureAwait(false);
        var all = Enumerable.Range(0, targetCount).ToDictionary(i => $"files/{i:D5}/image.bin", _ => file);
        await Sign("1.targets.json", "targets", Draft.Targets(1, expires, all, [.. products.Select(product => Draft.Product(product, [key.Key], 1))])).ConfigureAwait(false);
        await Sign("1.snapshot.json", "snapshot", Draft.Snapshot(1, expires, new Dictionary<string, MetaFile>(meta))).ConfigureAwait(false);
        await Sign("timestamp.json", "timestamp", Draft.Timestamp(1, expires, meta["snapshot"])).ConfigureAwait(false);
        var role = new RoleDraft([key.Key], 1);
        await Sign("1.root.json", "root", Draft.Root(1, expires, RoleName.TopLevel.ToDictionary(name => name, _ => role))).ConfigureAwait(false);
        return files;
    }

    private static async Task<double> Ours(string address, string directory, Dictionary<string, byte[]> files, string wanted)
    {
        var store = new MetadataStore(new DiskFiles(directory));
        store.Keep(RoleName.Root, files["/metadata/1.root.json"]);
        using var transport = new HttpTransport("benchmark");
        var fetch = new BoundedFetch(transport, FetchLimits.Default, TimeProvider.System);
        var began = Stopwatch.GetTimestamp();
        var refreshed = await RepositorySession.Refresh(store, fetch, new RepositoryAddress(new Uri($"{address}/metadata"), new Uri($"{address}/targets")), TimeProvider.System.GetUtcNow(), CancellationToken.None).ConfigureAwait(false);
        if (!refreshed.TryGet(out var session, out var fault)) throw new InvalidOperationException(fault.ToString());
        if (!(await session.Find(wanted, CancellationToken.None).ConfigureAwait(false)).TryGet(out _, out fault)) throw new InvalidOperationException(fault.ToString());
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    private static async Task<(double Milliseconds, double PeakMiB)?> Theirs(string address, string directory, Dictionary<string, byte[]> files, string wanted)
    {
        var folder = Path.Combine(SourceFolder(), "..", "FirmwareSigning", "node");
        var node = await NodePeers.Start(folder, ["client.mjs"]).ConfigureAwait(false);
        if (node is null) return null;
        using var ends = node;
        var (times, peak) = (new List<double>(), 0.0);
        for (var round = 0; round < TheirRounds; round++)
        {
            var dir = Path.Combine(directory, $"theirs-{round}");
            Directory.CreateDirectory(Path.Combine(dir, "metadata"));
            await File.WriteAllBytesAsync(Path.Combine(dir, "metadata", "root.json"), files["/metadata/1.root.json"]).ConfigureAwait(false);
            await node.StandardInput.WriteLineAsync(new JsonObject { ["base"] = address, ["dir"] = dir, ["target"] = wanted }.ToJsonString()).ConfigureAwait(false);
            await node.StandardInput.FlushAsync().ConfigureAwait(false);
            using var limit = new CancellationTokenSource(Patience);
            string? line;
            try
            {
                line = await node.StandardOutput.ReadLineAsync(limit.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                await Console.Error.WriteLineAsync($"refresh: tuf-js did not finish within {Patience}.").ConfigureAwait(false);
                node.Kill(entireProcessTree: true);
                return null;
            }
            var answer = JsonNode.Parse(line!)!;
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

    // For a look at the other client's profile: the same files, to be served by anything.
    private static void Keep(string folder, Dictionary<string, byte[]> files)
    {
        foreach (var (path, content) in files)
        {
            var file = folder + path;
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllBytes(file, content);
        }
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string SourceFolder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
