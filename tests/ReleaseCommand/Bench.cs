using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Serverless.FirmwareSigning.ReleaseCommand.Commands;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Signing;

namespace Serverless.ReleaseCommand.Tests;

/// <summary>A folder, and the command line run in it as a person or a script would.</summary>
internal sealed class Bench : IDisposable
{
    public static readonly DateTimeOffset Day0 = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Lazy<Task<(string Folder, JsonObject Said)>> Template = new(InitOnce);
    private readonly DirectoryInfo _folder = System.IO.Directory.CreateTempSubdirectory("fwsign-");

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public TimeProvider Clock { get; init; } = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(Day0);

    /// <summary>What the person types, in order.</summary>
    public Queue<string> Typed { get; } = new();

    /// <summary>Whether a person sits there.</summary>
    public bool Interactive { get; set; }

    public Dictionary<string, string> Environment { get; } = new(StringComparer.Ordinal);

    public string Output { get; private set; } = "";

    public string Errors { get; private set; } = "";

    public string this[string name] => Path.Combine(_folder.FullName, name);

    /// <summary>Runs a command; each word that names a file stands in this folder.</summary>
    public async Task<int> Run(params string[] args)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        string? Next(string question)
        {
            errors.WriteLine(question);
            return Typed.TryDequeue(out var typed) ? typed : null;
        }
        var at = new Surroundings(output, errors, 400, Interactive, Next, Next, name => Environment.GetValueOrDefault(name), Clock);
        var code = await FwSign.Run(args, at, Cancel);
        (Output, Errors) = (output.ToString(), errors.ToString());
        return code;
    }

    /// <summary>Runs a command that must succeed, and reads its JSON.</summary>
    public async Task<JsonObject> Json(params string[] args)
    {
        var code = await Run([.. args, "--json", "--yes"]);
        Assert.True(code == 0, $"{string.Join(' ', args)} ended with {code} and said: {Output} {Errors}");
        return JsonNode.Parse(Output)!.AsObject();
    }

    /// <summary>Runs a command that must be refused.</summary>
    /// <returns>The fault's code.</returns>
    public async Task<string?> Refused(params string[] args)
    {
        var code = await Run([.. args, "--json", "--yes"]);
        Assert.True(code == 1, $"{string.Join(' ', args)} ended with {code} and said: {Output} {Errors}");
        return (string?)JsonNode.Parse(Output)!["fault"]!["code"];
    }

    /// <summary>A public key in a file of this folder, and the key.</summary>
    public FileKey PublicKey(string name)
    {
        var key = FileKey.Create();
        var pem = (string)JsonNode.Parse(System.Text.Encoding.UTF8.GetString(FirmwareSigning.Trust.Json.JsonWriting.Encode(key.Key.Json)))!["keyval"]!["public"]!;
        File.WriteAllText(this[name], pem);
        return key;
    }

    /// <summary>A passphrase in a file of this folder.</summary>
    public string Passphrase(string holder, string? text = null)
    {
        var path = this[holder + ".passphrase"];
        File.WriteAllText(path, (text ?? $"correct horse battery {holder}") + "\n");
        return $"{holder}={path}";
    }

    /// <summary>A root of 2 of 3 holders in folder <c>c</c>: made once, for it takes seconds of key derivation, and copied.</summary>
    public async Task<JsonObject> Init()
    {
        var (template, said) = await Template.Value;
        System.IO.Directory.CreateDirectory(this["c"]);
        foreach (var file in System.IO.Directory.EnumerateFiles(template)) File.Copy(file, Path.Combine(this["c"], Path.GetFileName(file)));
        return said;
    }

    private static async Task<(string Folder, JsonObject Said)> InitOnce()
    {
        var bench = new Bench(); // its folder goes with the process
        AppDomain.CurrentDomain.ProcessExit += (_, _) => bench.Dispose();
        using var snapshot = bench.PublicKey("snapshot.pem");
        using var timestamp = bench.PublicKey("timestamp.pem");
        var said = await bench.Json(
            "init", "--out", bench["c"], "--holder", "alice", "bob", "carol", "--threshold", "2", "--snapshot", bench["snapshot.pem"], "--timestamp", bench["timestamp.pem"],
            "--passphrase-file", bench.Passphrase("alice"), bench.Passphrase("bob"), bench.Passphrase("carol"));
        foreach (var file in System.IO.Directory.EnumerateFiles(bench["c"], "*.pem")) Cheapen(file, $"correct horse battery {Path.GetFileName(file).Split('.')[0]}");
        return (bench["c"], said);
    }

    // The same keys under 1 000 rounds of key derivation instead of 600 000: tests open them dozens of times.
    private static void Cheapen(string path, string passphrase)
    {
        using var key = ECDsa.Create();
        key.ImportFromEncryptedPem(File.ReadAllText(path), passphrase);
        File.WriteAllText(path, key.ExportEncryptedPkcs8PrivateKeyPem(passphrase, new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)) + "\n");
    }

    /// <summary>Key files and passphrases of holders.</summary>
    public string[] Signing(string role, params string[] holders) =>
        [.. holders.SelectMany(holder => new[] { "--key", this[$"c/{holder}.{role}.pem"], "--passphrase-file", Passphrase(holder) })];

    public void Dispose() => _folder.Delete(true);
}
