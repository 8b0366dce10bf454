using System.Security.Cryptography;
using System.Text;

namespace Serverless.Deploy.Tests;

public sealed class FirstRunTests : IDisposable
{
    private const string Root = """{"signed":{"_type":"root","version":1}}""";
    private readonly Site _site = new();
    private readonly string _root;

    public FirstRunTests()
    {
        _root = _site.Write("offline/1.root.json", Root);
        _site.Deployed()
            .When("ad signed-in-user show*", """{"id":"44444444-4444-4444-4444-444444444444"}""")
            .When("keyvault show*", """{"id":"/vault"}""").When("storage account show*stota*", """{"id":"/stota"}""").When("storage account show*ststate*", """{"id":"/ststate"}""")
            .When("keyvault key list*", """[{"kid":"https://kv-test.vault.azure.net/keys/tuf-snapshot"},{"kid":"https://kv-test.vault.azure.net/keys/tuf-policy"}]""")
            .When("keyvault key show*tuf-snapshot*", """{"key":{"kid":"https://kv-test.vault.azure.net/keys/tuf-snapshot/1","kty":"EC","x":"AA","y":"BB"}}""")
            .When("keyvault key show*tuf-policy*", """{"key":{"kid":"https://kv-test.vault.azure.net/keys/tuf-policy/1","kty":"EC","x":"CC","y":"DD"}}""")
            .When("role assignment create*Key Vault Reader*", """{"id":"/assignment/vault"}""")
            .When("role assignment create*containers/ota*", """{"id":"/assignment/ota"}""")
            .When("role assignment create*containers/profiles*", """{"id":"/assignment/profiles"}""")
            .When("role assignment delete*");
    }

    [Fact]
    public async Task Keys_come_out_then_the_root_goes_in_then_profiles_and_every_right_of_the_hour_goes()
    {
        _site.When("role assignment list*", "[]").When("storage blob show*", status: 3, errors: "BlobNotFound").When("storage blob upload*");
        Assert.Equal(0, await _site.On("first-run", "--tuf-root", _root, "--keys", _site.At("keys")));
        Assert.Equal(["tuf-policy.jwk.json", "tuf-snapshot.jwk.json"], Directory.EnumerateFiles(_site.At("keys")).Select(Path.GetFileName).Order());
        Assert.Contains("\"x\":\"AA\"", await File.ReadAllTextAsync(_site.At("keys/tuf-snapshot.jwk.json"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        var uploads = _site.CallsOf("storage blob upload").ToList();
        Assert.Equal(2, uploads.Count);
        Assert.Contains("--account-name stota --container-name ota --name metadata/1.root.json", uploads[0], StringComparison.Ordinal);
        Assert.Contains("--overwrite false", uploads[0], StringComparison.Ordinal);
        Assert.Contains("--account-name ststate --container-name profiles --name pump@1.json", uploads[1], StringComparison.Ordinal);
        Assert.All(uploads, upload => Assert.Contains("--auth-mode login", upload, StringComparison.Ordinal));
        Assert.Contains("profiles/policies/enrollment.json is not there: the Enrollment app refuses every device", _site.Said, StringComparison.Ordinal);
        Assert.Equal(["/assignment/vault", "/assignment/ota", "/assignment/profiles"], _site.CallsOf("role assignment delete").Select(call => call.Split(' ')[4]));
    }

    [Fact]
    public async Task A_second_run_finds_everything_there_and_keeps_rights_that_it_did_not_give()
    {
        _site.When("role assignment list*", """[{"id":"/given/by/somebody"}]""")
            .When("storage blob show*root.json*", Blob(Root)).When("storage blob show*", Blob("{}"));
        Assert.Equal(0, await _site.On("first-run", "--tuf-root", _root, "--keys", _site.At("keys")));
        Assert.Empty(_site.CallsOf("storage blob upload").Concat(_site.CallsOf("role assignment create")).Concat(_site.CallsOf("role assignment delete")));
        Assert.Contains("there already: ota/metadata/1.root.json", _site.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Profiles_and_policy_of_a_folder_go_in_by_their_paths_and_what_was_changed_since_is_left_as_it_is()
    {
        _site.Write("mine/pump@2.json", "{}");
        _site.Write("mine/policies/enrollment.json", "{}");
        _site.When("role assignment list*", "[]").When("storage blob show*root.json*", Blob(Root)).When("storage blob show*pump*", Blob("changed by somebody"))
            .When("storage blob show*", status: 3, errors: "BlobNotFound").When("storage blob upload*");
        Assert.Equal(0, await _site.On("first-run", "--tuf-root", _root, "--profiles", _site.At("mine"), "--keys", _site.At("keys")));
        Assert.Contains("--container-name profiles --name policies/enrollment.json", Assert.Single(_site.CallsOf("storage blob upload")), StringComparison.Ordinal);
        Assert.Contains("left as it is: profiles/pump@2.json", _site.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_root_is_never_replaced_by_another_and_the_rights_go_also_then()
    {
        _site.When("role assignment list*", "[]").When("storage blob show*", Blob("another root"));
        Assert.Equal(2, await _site.On("first-run", "--tuf-root", _root, "--keys", _site.At("keys")));
        Assert.Contains("a root is replaced by the next version, never changed", _site.Said, StringComparison.Ordinal);
        Assert.Empty(_site.CallsOf("storage blob upload"));
        Assert.Equal(3, _site.CallsOf("role assignment delete").Count());
    }

    [Fact]
    public async Task Without_a_root_it_stops_once_the_keys_are_out()
    {
        _site.When("role assignment list*", "[]");
        Assert.Equal(0, await _site.On("first-run", "--keys", _site.At("keys")));
        Assert.Contains("make the first root offline", _site.Said, StringComparison.Ordinal);
        Assert.Empty(_site.CallsOf("storage"));
        Assert.Single(_site.CallsOf("role assignment delete"));
    }

    [Fact]
    public async Task Rights_that_spread_slowly_are_waited_for()
    {
        _site.When("role assignment list*", "[]")
            .When("storage blob show*", status: 1, errors: "ERROR: AuthorizationPermissionMismatch", times: 2)
            .When("storage blob show*", status: 3, errors: "BlobNotFound").When("storage blob upload*");
        Assert.Equal(0, await _site.On("first-run", "--tuf-root", _root, "--keys", _site.At("keys")));
        Assert.Equal(2, _site.CallsOf("storage blob upload").Count());
    }

    public void Dispose() => _site.Dispose();

#pragma warning disable CA5351 // what the service shows as a blob's check sum
    private static string Blob(string content) => """{"properties":{"contentSettings":{"contentMd5":"@"}}}""".Replace("@", Convert.ToBase64String(MD5.HashData(Encoding.UTF8.GetBytes(content))), StringComparison.Ordinal);
#pragma warning restore CA5351
}
