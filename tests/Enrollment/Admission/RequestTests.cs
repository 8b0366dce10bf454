using System.Text;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Serverless.Enrollment.Admission;

namespace Serverless.Enrollment.Tests.Admission;

public sealed class RequestTests
{
    private static readonly string Pem = Pki.Leaf("pump-1").Pem();

    public static TheoryData<string, string?> Bodies()
    {
        var good = new JsonObject { ["registrationId"] = "pump-1", ["model"] = "pump", ["owner"] = "acme", ["certificateChain"] = Pem };
        string With(Action<JsonObject> change)
        {
            var body = (JsonObject)good.DeepClone();
            change(body);
            return body.ToJsonString();
        }

        var key = Convert.ToBase64String(new byte[64]);
        return new()
        {
            { good.ToJsonString(), null },
            { With(body => body["model"] = new string('m', 64)), null },
            { With(body => body["model"] = new string('m', 65)), "model-name" },
            { With(body => body["model"] = ""), "model-name" },
            { With(body => body["model"] = "1pump"), "model-name" },
            { With(body => body["model"] = "Pump"), "model-name" },
            { With(body => body["model"] = "pump@1"), "model-name" },
            { With(body => body["owner"] = "A.b_c-d@e" + new string('f', 55)), null },
            { With(body => body["owner"] = new string('o', 65)), "owner-name" },
            { With(body => body["owner"] = ""), "owner-name" },
            { With(body => body["owner"] = "acme & sons"), "owner-name" },
            { With(body => body["registrationId"] = ""), "device-id-length" },
            { With(body => body["registrationId"] = "Pump-1"), "device-id-case" },
            { With(body => body["certificateChain"] = ""), "chain-length" },
            { With(body => body["certificateChain"] = "nonsense"), "chain-malformed" },
            { With(body => body["certificateChain"] = Pem + " tail"), "chain-malformed" },
            { With(body => body["certificateChain"] = "head " + Pem), "chain-malformed" },
            { With(body => body["certificateChain"] = string.Concat(Enumerable.Repeat(Pem + "\n", 8))), null },
            { With(body => body["certificateChain"] = string.Concat(Enumerable.Repeat(Pem + "\n", 9))), "chain-length" },
            { With(body => body["certificateChain"] = Pem + new string(' ', 32 * 1024 - Pem.Length)), null },
            { With(body => body["certificateChain"] = Pem + new string(' ', 32 * 1024 - Pem.Length + 1)), "chain-length" },
            { With(body => body["certificateChain"] = Pem + "\n" + Pki.Key("secret").ExportPkcs8PrivateKeyPem()), "chain-private-key" },
            { With(body => body["certificateChain"] = Pki.Key("secret").ExportSubjectPublicKeyInfoPem()), "chain-malformed" },
            { With(body => body["certificateChain"] = Convert.ToBase64String(Pki.Leaf("pump-1").Make().RawData)), null },
            { With(body => body["certificateChain"] = Convert.ToBase64String([.. Pki.Leaf("pump-1").Make().RawData, 0])), "chain-malformed" },
            { With(body => body.Remove("certificateChain")), "credential-missing" },
            { With(body => body["endorsementKey"] = key), "credential-ambiguous" },
            { With(body => body["symmetricKey"] = true), "credential-ambiguous" },
            { With(body => Instead(body, "endorsementKey", key)), null },
            { With(body => Instead(body, "endorsementKey", Convert.ToBase64String(new byte[63]))), "endorsement-key-form" },
            { With(body => Instead(body, "endorsementKey", Convert.ToBase64String(new byte[1024]))), null },
            { With(body => Instead(body, "endorsementKey", Convert.ToBase64String(new byte[1025]))), "endorsement-key-form" },
            { With(body => Instead(body, "endorsementKey", "***")), "endorsement-key-form" },
            { With(body => Instead(body, "symmetricKey", true)), null },
            { With(body => Instead(body, "symmetricKey", false)), "request-malformed" },
            { With(body => body["extra"] = 1), "request-malformed" },
            { With(body => body.Remove("owner")), "request-malformed" },
            { With(body => body["owner"] = null), "request-malformed" },
            { With(body => body["owner"] = 1), "request-malformed" },
            { good.ToJsonString().Replace("\"owner\"", "\"Owner\"", StringComparison.Ordinal), "request-malformed" },
            { good.ToJsonString().Replace("{", "{\"owner\":\"twice\",", StringComparison.Ordinal), "request-malformed" },
            { "null", "request-malformed" },
            { "[]", "request-malformed" },
            { "", "request-malformed" },
            { good.ToJsonString() + "x", "request-malformed" },
            { good.ToJsonString() + new string(' ', 64 * 1024 - good.ToJsonString().Length), null },
            { good.ToJsonString() + new string(' ', 64 * 1024 - good.ToJsonString().Length + 1), "request-malformed" },
        };
    }

    [Theory]
    [MemberData(nameof(Bodies))]
    public void A_request_is_every_field_and_nothing_else(string json, string? fault) =>
        Assert.Equal(fault, EnrollmentRequest.Parse(Encoding.UTF8.GetBytes(json)).Fault?.Code);

    [Fact]
    public void The_same_asked_differently_has_one_digest_and_every_difference_another()
    {
        var leaf = Pki.Leaf("pump-1").Make();
        var root = Pki.Authority("root");
        EnrollmentRequest Ask(string id = "pump-1", string model = "pump", string owner = "acme", string? chain = null) =>
            EnrollmentRequest.From(id, model, owner, chain ?? Pki.Pem(leaf), null, null).TryGet(out var asked, out var fault) ? asked : throw new InvalidOperationException(fault.ToString());
        var digest = Ask().Digest;
        Assert.Equal(digest, Ask(chain: Convert.ToBase64String(leaf.RawData)).Digest);
        Assert.Equal(digest, Ask(chain: Pki.Pem(leaf, root)).Digest);
        string[] others = [Ask(id: "pump-2").Digest, Ask(model: "valve").Digest, Ask(owner: "globex").Digest, Ask(chain: Pki.Leaf("pump-1").Pem()).Digest];
        Assert.Equal(5, others.Append(digest).Distinct().Count());
    }

    [Fact]
    public void Hostile_bytes_are_refused_and_never_thrown_at_us()
    {
        var good = Encoding.UTF8.GetBytes($$"""{"registrationId":"pump-1","model":"pump","owner":"acme","symmetricKey":true}""");
        var accepted = 0;
        var mangled = from at in Gen.Choose(0, good.Length - 1) from value in Gen.Choose(0, 255) from cut in Gen.Choose(0, 3) select (at, (byte)value, cut);
        Prop.ForAll(Arb.From(mangled), change =>
        {
            var bytes = (byte[])good.Clone();
            bytes[change.at] = change.Item2;
            var parsed = EnrollmentRequest.Parse(change.cut == 0 ? bytes.AsSpan(0, change.at) : bytes);
            if (parsed.TryGet(out var asked, out var fault))
            {
                accepted++;
                return asked.Digest.Length == 64;
            }

            return fault.Code.Length > 0;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
        Assert.True(accepted > 100);
    }

    private static void Instead(JsonObject body, string member, JsonNode value)
    {
        body.Remove("certificateChain");
        body[member] = value;
    }
}
