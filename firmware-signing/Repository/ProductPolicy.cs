using System.Buffers;
using Serverless.Faults;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;

namespace Serverless.FirmwareSigning.Repository;

/// <summary>How many people a release of a product takes.</summary>
public enum PeoplePolicy
{
    /// <summary>One submits, others approve.</summary>
    TwoPerson,

    /// <summary>One person may submit and approve. Asked for by name when the product is made, and shown with each of its releases.</summary>
    SinglePerson,
}

/// <summary>How a product's MCUs name it; with it each release carries a SUIT envelope a hardware id (FORMAT.md 8.3).</summary>
/// <param name="Vendor">The vendor's domain, lower case, 1 to 253 characters.</param>
/// <param name="Component">The component's id, 1 to 32 of <c>[A-Za-z0-9._-]</c>, no leading dot.</param>
public sealed record SuitPolicy(string Vendor, string Component)
{
    private static readonly SearchValues<char> DomainAlphabet = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789.-");

    /// <summary>Whether both are as described: a name in upper case would be another UUID.</summary>
    public bool IsWellFormed =>
        Vendor is { Length: > 0 and <= 253 } && !Vendor.AsSpan().ContainsAnyExcept(DomainAlphabet) && Component.Length <= 32 && Release.IsSegment(Component);
}

/// <summary>Who may release for a product, and for what hardware: part of the offline targets role, so that neither the pipeline nor its
/// table can change it (FORMAT.md 9).</summary>
/// <param name="Product">Product id, also the role's name.</param>
/// <param name="People">How many people it takes.</param>
/// <param name="Hardware">Hardware ids, 1 to 256, none twice.</param>
/// <param name="Pipeline">Keyid of the pipeline's policy key.</param>
/// <param name="Approvers">Object id of the person, by keyid.</param>
/// <param name="Keys">The role's keys, by keyid: the pipeline's and the approvers'.</param>
/// <param name="Threshold">Different keys that must sign; 2 at least.</param>
public sealed record ProductPolicy(
    string Product,
    PeoplePolicy People,
    IReadOnlyList<string> Hardware,
    string Pipeline,
    IReadOnlyDictionary<string, string> Approvers,
    IReadOnlyDictionary<string, PublicKey> Keys,
    int Threshold)
{
    /// <summary>The member of the signed targets part.</summary>
    public const string Member = "products";

    /// <summary>Hardware ids a product may have.</summary>
    public const int HardwareMax = 256;

    // "products": { "gw100": { "policy": "two-person", "hardware": ["gw100-r1"], "pipeline": KEYID, "people": { KEYID: OBJECT-ID }, ? "suit": { "vendor": DOMAIN, "component": ID } } }
    private static readonly SearchValues<char> PersonAlphabet = SearchValues.Create("0123456789abcdef-");

    /// <summary>For products of MCU class; otherwise <see langword="null"/>. The envelopes' key is the pipeline's.</summary>
    public SuitPolicy? Suit { get; init; }

    /// <summary>The policy's name, as it is asked for and shown: <c>two-person</c> or <c>single-person</c>.</summary>
    public string PolicyName => NameOf(People);

    /// <summary>The name of a policy.</summary>
    /// <param name="people">The policy.</param>
    public static string NameOf(PeoplePolicy people) => people == PeoplePolicy.SinglePerson ? "single-person" : "two-person";

    /// <summary>Reads all policies of a targets role.</summary>
    /// <param name="signed">The signed part of targets.</param>
    /// <param name="targets">The same, parsed.</param>
    /// <returns>Policy by product, or <c>policy-delegation</c> (no terminating delegation of exactly the product's names),
    /// <c>policy-name</c> (neither <c>two-person</c> nor <c>single-person</c>), <c>policy-hardware</c>, <c>policy-keys</c> (the
    /// delegation's keys are not exactly the pipeline's and the people's, or one key stands twice), <c>policy-people</c> (a person is no
    /// object id, or there are fewer people than the threshold asks for), <c>policy-threshold</c> (below 2: one stolen key would ship an
    /// image; or not 2 for a single person), <c>policy-suit</c> (not as <see cref="SuitPolicy"/> says), <c>field-type</c>, <c>field-missing</c>, <c>field-range</c>. A targets role without the member has no products.</returns>
    public static Parsed<IReadOnlyDictionary<string, ProductPolicy>> ReadAll(JsonObject signed, Targets targets)
    {
        ArgumentNullException.ThrowIfNull(signed);
        ArgumentNullException.ThrowIfNull(targets);
        var policies = new Dictionary<string, ProductPolicy>(StringComparer.Ordinal);
        if (signed.Find(Member) is not { } member) return policies;
        if (member is not JsonObject products) return new Fault("field-type", "targets.products");
        for (var i = 0; i < products.Count; i++)
        {
            if (products.At(i) is not JsonObject json) return new Fault("field-type", "targets.products.*");
            if (!Read(products.Names[i], json, targets).TryGet(out var policy, out var fault)) return fault;
            policies.Add(policy.Product, policy);
        }
        return policies;
    }

    /// <summary>As it stands in the <c>products</c> member.</summary>
    public JsonObject ToJson()
    {
        var json = JsonObject.Of(
            ("policy", PolicyName),
            ("hardware", new JsonArray([.. Hardware.Select(id => (JsonValue)id)])),
            ("pipeline", Pipeline),
            ("people", JsonObject.Of(Approvers.Select(one => (one.Key, (JsonValue)one.Value)))));
        return Suit is null ? json : json.With("suit", JsonObject.Of(("vendor", Suit.Vendor), ("component", Suit.Component)));
    }

    /// <summary>A targets draft with this product's policy set; its delegation is <see cref="Draft.Product"/>'s.</summary>
    /// <param name="targets">A draft or the signed part of the published targets.</param>
    public JsonObject AddTo(JsonObject targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        return targets.With(Member, (targets.Find(Member) as JsonObject ?? JsonObject.Empty).With(Product, ToJson()));
    }

    /// <summary>Whether the text may name a person: an object id of Entra ID, lower case.</summary>
    /// <param name="person">Hostile text.</param>
    public static bool IsPerson(string person) =>
        person is { Length: 36 } && !person.AsSpan().ContainsAnyExcept(PersonAlphabet) && Guid.TryParseExact(person, "D", out _);

    private static Parsed<ProductPolicy> Read(string product, JsonObject json, Targets targets)
    {
        if (targets.Delegations.FirstOrDefault(one => one.Name == product) is not { } delegation
            || !Release.IsId(product) || !delegation.Terminating || delegation.Paths is not [var path] || path != $"{product}/*/*")
        {
            return new Fault("policy-delegation", "targets.products.*");
        }

        var fields = new Fields(json, "targets.products.*");
        var name = fields.Text("policy", 32);
        var hardware = fields.Texts("hardware", HardwareMax);
        var pipeline = fields.Text("pipeline", 64);
        var people = fields.Object("people");
        if (fields.Fault is not null) return fields.Fault;
        if (name is not ("two-person" or "single-person")) return new Fault("policy-name", "targets.products.*.policy");
        if (hardware.Count == 0 || !hardware.All(Release.IsId) || hardware.Distinct(StringComparer.Ordinal).Count() != hardware.Count)
            return new Fault("policy-hardware", "targets.products.*.hardware");
        var approvers = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < people.Count; i++)
        {
            if (people.At(i) is not JsonText person || !IsPerson(person.Text)) return new Fault("policy-people", "targets.products.*.people");
            approvers.Add(people.Names[i], person.Text);
        }

        if (!ReadSuit(fields).TryGet(out var suit, out var wrong)) return wrong;
        var single = name == "single-person";
        return Judge(new ProductPolicy(
            product, single ? PeoplePolicy.SinglePerson : PeoplePolicy.TwoPerson, hardware, pipeline, approvers,
            delegation.Keys.KeyIds.Where(targets.Keys.ContainsKey).ToDictionary(id => id, id => targets.Keys[id], StringComparer.Ordinal), delegation.Keys.Threshold)
        {
            Suit = suit.Policy,
        }, delegation);
    }

    // Offline too: neither the pipeline nor its table decides which MCUs get an envelope, or whose they are.
    private static Parsed<(SuitPolicy? Policy, bool _)> ReadSuit(Fields fields)
    {
        if (!fields.Has("suit")) return (null, true);
        var json = new Fields(fields.Object("suit"), "targets.products.*.suit");
        var suit = new SuitPolicy(json.Text("vendor", 253), json.Text("component", 32));
        if (fields.Fault is not null || json.Fault is not null) return (fields.Fault ?? json.Fault)!;
        return suit.IsWellFormed ? (suit, true) : new Fault("policy-suit", "targets.products.*.suit");
    }

    private static Parsed<ProductPolicy> Judge(ProductPolicy policy, Delegation delegation)
    {
        var named = policy.Approvers.Keys.Append(policy.Pipeline).ToHashSet(StringComparer.Ordinal);
        var materials = policy.Keys.Values.Select(key => key.Material).Distinct(StringComparer.Ordinal).Count();
        if (policy.Approvers.ContainsKey(policy.Pipeline) || !named.SetEquals(delegation.Keys.KeyIds) || !named.SetEquals(policy.Keys.Keys) || materials != named.Count
            || !policy.Keys.Values.All(key => key.IsUsable))
        {
            return new Fault("policy-keys", "targets.products.*.people");
        }

        if (policy.Threshold < 2 || (policy.People == PeoplePolicy.SinglePerson && policy.Threshold != 2)) return new Fault("policy-threshold", "targets.products.*.policy");
        // The pipeline signs once; every other signature is another person's.
        return policy.Approvers.Values.Distinct(StringComparer.Ordinal).Count() >= policy.Threshold - 1 ? policy : new Fault("policy-people", "targets.products.*.people");
    }
}
