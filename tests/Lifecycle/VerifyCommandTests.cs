using System.Security.Cryptography;
using Serverless.Lifecycle.CommandLine;

namespace Serverless.Lifecycle.Tests;

public sealed class VerifyCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("verify-").FullName;
    private readonly World _world = new();

    [Fact]
    public async Task A_statement_is_verified_offline_from_a_file_or_from_the_apis_answer()
    {
        await _world.Add("d");
        await _world.Decommission("d");
        await _world.Sweep().Run(TestContext.Current.CancellationToken);
        var statement = _world.Statements.Values.Single();
        var key = Write("key.pem", _world.Key.ExportSubjectPublicKeyInfoPem());

        Assert.Equal((0, true, ""), Run("verify", Write("d.jws", statement + "\n"), key));
        Assert.Equal((0, true, ""), Run("verify", Write("d.json", $$"""{"id":"d","statement":"{{statement}}","returns":[]}"""), key));
        Assert.Equal((1, false, "statement-form at statement"), Run("verify", Write("none.json", "{}"), key));
        Assert.Equal((1, false, "statement-signature at signature"), Run("verify", Write("d.jws", statement[..^10] + "AAAAAAAAAA"), key));
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Equal((1, false, "statement-signature at signature"), Run("verify", Write("d.jws", statement), Write("other.pem", other.ExportSubjectPublicKeyInfoPem())));
        using var larger = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.Equal((1, false, "the key is not on P-256"), Run("verify", Write("d.jws", statement), Write("other.pem", larger.ExportSubjectPublicKeyInfoPem())));
        Assert.Equal(2, Run("verify", Path.Combine(_folder, "missing"), key).Code);
        Assert.Equal(2, Run("verify", key).Code);
        Assert.Equal(2, Run("verify", key, Write("not.pem", "no key")).Code);
    }

    public void Dispose()
    {
        _world.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static (int Code, bool Said, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var code = VerifyCommand.Run(args, output, errors);
        return (code, output.ToString().Contains("\"device\":\"d\"", StringComparison.Ordinal), errors.ToString().Trim());
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
