using System.CommandLine;
using System.Globalization;
using System.Text;
using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseCommand.Ceremony;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Repository;
using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Keys;
using Serverless.FirmwareSigning.Trust.Metadata;
using static Serverless.FirmwareSigning.ReleaseCommand.Commands.CommonSymbols;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary>The offline commands: they need no network and no profile, and belong on a machine without either.</summary>
internal static class CeremonyCommands
{
    private const int FileBytesMax = Targets.WireBytesMax;

    /// <summary><c>init</c>: the first root and the first targets role.</summary>
    public static Command Init(CommandTree tree)
    {
        var folder = Needed("--out", "Empty folder for what the ceremony makes.", "DIR");
        var holders = Many("--holder", "Who holds a root key and a targets key; once a person.", "NAME", required: true);
        var threshold = Number("--threshold", "How many of them must come together", 1, RootCeremony.HoldersMax);
        var custody = CustodyOption();
        var snapshot = Needed("--snapshot", "Public key of the online role snapshot, from export-key.", "FILE");
        var timestamp = Needed("--timestamp", "Public key of the online role timestamp, from export-key.", "FILE");
        var days = Days("--days", 365);
        var passphrases = Passphrases();
        return tree.Make("init", "Offline root ceremony: makes M-of-N keys in encrypted files, the root that devices are born with, and an empty targets role.",
            [folder, holders, threshold, custody, snapshot, timestamp, days, passphrases], async (parsed, session, cancel) =>
            {
                var names = parsed.GetRequiredValue(holders);
                var (m, expires) = (parsed.GetValue(threshold), session.Now.AddDays(parsed.GetValue(days)));
                if (RootCeremony.Refuses(names, m, parsed.GetValue(custody)) is { } refused) return refused;
                if (!KeyFiles.ReadPublic(parsed.GetRequiredValue(snapshot)).TryGet(out var snapshotKey, out var fault)) return fault;
                if (!KeyFiles.ReadPublic(parsed.GetRequiredValue(timestamp)).TryGet(out var timestampKey, out fault)) return fault;
                if (!Files(session, parsed, passphrases).TryGet(out var files, out fault)) return fault;
                using var made = new HolderKeys();
                if (session.DryRun) return InitOutcome(names, m, parsed.GetRequiredValue(folder), null, null, "would make");
                if (made.Create(names, files) is { } unmade) return unmade;
                if (!RootCeremony.First(made.Roots, made.Targets, m, snapshotKey, timestampKey, expires).TryGet(out var root, out fault)) return fault;
                var targets = TargetsCeremony.First(expires);
                if (!(await SignedFile.Create(root, [.. made.RootSigners], cancel).ConfigureAwait(false)).TryGet(out var rootFile, out fault)) return fault;
                if (!(await SignedFile.Create(targets, [.. made.TargetsSigners], cancel).ConfigureAwait(false)).TryGet(out var targetsFile, out fault)) return fault;
                // As a device will: a ceremony whose result nobody could use must not end in somebody's safe.
                if (!TrustedMetadata.Begin(rootFile, session.Now).TryGet(out _, out fault)) return fault;
                fault = OutputFiles.Create(parsed.GetRequiredValue(folder), [
                    .. made.Secrets, ("1.root.json", rootFile, false), ("1.targets.json", targetsFile, false),
                    ("HOLDERS.md", Encoding.UTF8.GetBytes(HolderSheet.Of(names, m, made, expires)), false)]);
                return fault is null ? InitOutcome(names, m, parsed.GetRequiredValue(folder), made, expires, "made") : fault;
            });
    }

    /// <summary><c>sign</c>: a holder's signature on a draft.</summary>
    public static Command Sign(CommandTree tree)
    {
        var draft = new Argument<string>("DRAFT") { Description = "A draft of root or targets." };
        var (root, keys, passphrases) = (TrustedRoot(), Keys(), Passphrases());
        return tree.Make("sign", "Adds holders' signatures to a draft, after showing what it says.", [draft, root, keys, passphrases], async (parsed, session, cancel) =>
        {
            var path = parsed.GetRequiredValue(draft);
            if (!InputFile.Read(path, FileBytesMax).Then(SigningFile.Read).TryGet(out var file, out var fault)) return fault;
            if (!ReadRoot(parsed.GetRequiredValue(root)).TryGet(out var trusted, out fault)) return fault;
            return await Finish(session, parsed, file, trusted.Root, keys, passphrases, Path.GetDirectoryName(Path.GetFullPath(path))!, path, cancel).ConfigureAwait(false);
        });
    }

    /// <summary><c>rotate-root</c>: the next root.</summary>
    public static Command RotateRoot(CommandTree tree)
    {
        var (root, keys, passphrases, folder, custody) = (TrustedRoot(), Keys(), Passphrases(), OutFolder(), CustodyOption());
        var joining = Many("--new-holder", "Makes keys for a person who joins.", "NAME");
        var leaving = Many("--remove-key", "Keyid, or its beginning, of a root or targets key that leaves.", "KEYID");
        var threshold = MaybeNumber("--threshold", "New threshold of root", 1, RootCeremony.HoldersMax);
        var targetsThreshold = MaybeNumber("--targets-threshold", "New threshold of targets", 1, RootCeremony.HoldersMax);
        var snapshot = Maybe("--snapshot", "New public key of role snapshot.", "FILE");
        var timestamp = Maybe("--timestamp", "New public key of role timestamp.", "FILE");
        var days = Days("--days", 365);
        return tree.Make("rotate-root", "The next root: people join or leave, online keys change, or only the expiry. Without changes it is a renewal.",
            [root, folder, joining, leaving, threshold, targetsThreshold, custody, snapshot, timestamp, days, keys, passphrases], async (parsed, session, cancel) =>
            {
                if (!ReadRoot(parsed.GetRequiredValue(root)).TryGet(out var current, out var fault)) return fault;
                if (!MaybePublic(parsed.GetValue(snapshot)).TryGet(out var snapshotKey, out fault)) return fault;
                if (!MaybePublic(parsed.GetValue(timestamp)).TryGet(out var timestampKey, out fault)) return fault;
                if (!Files(session, parsed, passphrases).TryGet(out var files, out fault)) return fault;
                var names = parsed.GetValue(joining)!;
                if (names.Length > 0 && RootCeremony.Refuses(names, names.Length, Custody.SingleHolder) is { } refused) return refused;
                using var made = new HolderKeys();
                if (!session.DryRun && made.Create(names, files) is { } unmade) return unmade;
                var change = new RootChange(made.Roots, made.Targets, parsed.GetValue(leaving)!, parsed.GetValue(threshold), parsed.GetValue(targetsThreshold), snapshotKey.Key, timestampKey.Key);
                var next = RootCeremony.Next(current.Root, current.Signed, change, session.Now.AddDays(parsed.GetValue(days)), parsed.GetValue(custody));
                if (!next.TryGet(out var signed, out fault)) return fault;
                var to = parsed.GetRequiredValue(folder);
                if (!session.DryRun && OutputFiles.Create(to, [.. made.Secrets]) is { } unwritten) return unwritten;
                return await Finish(session, parsed, SigningFile.Of(signed), current.Root, keys, passphrases, to, null, cancel, made.RootSigners).ConfigureAwait(false);
            });
    }

    /// <summary><c>add-product</c>: a product and who may release for it.</summary>
    public static Command AddProduct(CommandTree tree)
    {
        var (root, targets, keys, passphrases, folder, days) = (TrustedRoot(), CurrentTargets(), Keys(), Passphrases(), OutFolder(), Days("--days", 365));
        var product = Needed("--product", "Product id: letters a-z, digits, dashes.", "ID");
        var hardware = Many("--hardware", "Hardware id it runs on.", "ID", required: true);
        var pipeline = Needed("--pipeline", "Public key of the pipeline's policy key, from export-key.", "FILE");
        var approvers = Many("--approver", "A person's object id and public key; once a person.", "OBJECT-ID=FILE", required: true);
        var threshold = Number("--threshold", "Different keys that must sign, the pipeline's included", 2, 64, 2);
        var policy = new Option<string>("--policy") { Description = "two-person, or single-person: one person submits and approves. Shown with every release.", DefaultValueFactory = _ => "two-person" };
        policy.AcceptOnlyFromAmong("two-person", "single-person");
        var vendor = Maybe("--suit-vendor", "For MCUs: the vendor's domain. Each release then carries a SUIT envelope a hardware id.", "DOMAIN");
        var component = new Option<string>("--suit-component") { Description = "For MCUs: the component id in those envelopes.", HelpName = "ID", DefaultValueFactory = _ => "app" };
        return tree.Make("add-product", "A new product: a delegation signed offline, naming the pipeline's key and each approver's.",
            [root, targets, folder, product, hardware, pipeline, approvers, threshold, policy, vendor, component, days, keys, passphrases], async (parsed, session, cancel) =>
            {
                if (!ReadCurrent(parsed, root, targets).TryGet(out var current, out var fault)) return fault;
                if (!KeyFiles.ReadPublic(parsed.GetRequiredValue(pipeline)).TryGet(out var pipelineKey, out fault)) return fault;
                if (!ReadPeople(parsed.GetValue(approvers)!, "--approver").TryGet(out var people, out fault)) return fault;
                var wanted = new NewProduct(
                    parsed.GetRequiredValue(product), parsed.GetValue(hardware)!, pipelineKey, people, parsed.GetValue(threshold),
                    parsed.GetValue(policy) == "single-person" ? PeoplePolicy.SinglePerson : PeoplePolicy.TwoPerson)
                {
                    Suit = parsed.GetValue(vendor) is { } domain ? new SuitPolicy(domain, parsed.GetRequiredValue(component)) : null,
                };
                var next = TargetsCeremony.WithProduct(current.Signed, current.Targets, wanted, session.Now.AddDays(parsed.GetValue(days)));
                if (!next.TryGet(out var signed, out fault)) return fault;
                return await Finish(session, parsed, SigningFile.Of(signed), current.Root, keys, passphrases, parsed.GetRequiredValue(folder), null, cancel).ConfigureAwait(false);
            });
    }

    /// <summary><c>renew-targets</c>: the same content, for a later expiry or for new targets keys.</summary>
    public static Command RenewTargets(CommandTree tree)
    {
        var (root, targets, keys, passphrases, folder, days) = (TrustedRoot(), CurrentTargets(), Keys(), Passphrases(), OutFolder(), Days("--days", 365));
        return tree.Make("renew-targets", "The targets role again, with a later expiry; also after rotate-root changed who signs it (give the new root).",
            [root, targets, folder, days, keys, passphrases], async (parsed, session, cancel) =>
            {
                if (!ReadCurrent(parsed, root, targets).TryGet(out var current, out var fault)) return fault;
                var signed = TargetsCeremony.Renewed(current.Signed, current.Targets, session.Now.AddDays(parsed.GetValue(days)));
                return await Finish(session, parsed, SigningFile.Of(signed), current.Root, keys, passphrases, parsed.GetRequiredValue(folder), null, cancel).ConfigureAwait(false);
            });
    }

    /// <summary><c>revoke key</c>: an approver's key leaves every product.</summary>
    public static Command RevokeKey(CommandTree tree)
    {
        var keyId = new Argument<string>("KEYID") { Description = "The key, or at least the first 8 characters of its keyid." };
        var (root, targets, keys, passphrases, folder, days) = (TrustedRoot(), CurrentTargets(), Keys(), Passphrases(), OutFolder(), Days("--days", 365));
        var replace = Maybe("--replace", "Object id and public key that take its place.", "OBJECT-ID=FILE");
        return tree.Make("key", "Takes an approver's key out of every product's policy. Root, targets, snapshot and timestamp keys: rotate-root.",
            [keyId, root, targets, folder, replace, days, keys, passphrases], async (parsed, session, cancel) =>
            {
                if (!ReadCurrent(parsed, root, targets).TryGet(out var current, out var fault)) return fault;
                var given = parsed.GetValue(replace) is { } pair ? new[] { pair } : [];
                if (!ReadPeople(given, "--replace").TryGet(out var people, out fault)) return fault;
                (string, PublicKey)? joining = people.Count > 0 ? people[0] : null;
                var next = TargetsCeremony.WithoutKey(current.Signed, current.Targets, parsed.GetRequiredValue(keyId), joining, session.Now.AddDays(parsed.GetValue(days)));
                if (!next.TryGet(out var made, out fault)) return fault;
                var done = await Finish(session, parsed, SigningFile.Of(made.Signed), current.Root, keys, passphrases, parsed.GetRequiredValue(folder), null, cancel).ConfigureAwait(false);
                return done.Then<Outcome>(outcome => outcome with
                {
                    Json = outcome.Json.With("products", new JsonArray([.. made.Products.Select(one => (JsonValue)one)])),
                    Next =
                    [
                        .. made.Products.Select(one => $"if the revoked key had signed what is published of {one}: fwsign renew {one} --reason …, then another approver: fwsign approve {one}~renewal --key … --out {one}.json"),
                        .. outcome.Next.Select(step => step.StartsWith("fwsign publish", StringComparison.Ordinal) ? step + string.Concat(made.Products.Select(one => $" --role {one}={one}.json")) : step),
                    ],
                });
            });
    }

    // Every change ends alike: shown, confirmed, signed by whoever is here, written as a draft or as the finished file.
    private static async Task<Parsed<Outcome>> Finish(
        Session session, ParseResult parsed, SigningFile file, Root? trusted, Option<string[]> keys, Option<string[]> passphrases, string folder, string? draft,
        CancellationToken cancel, IEnumerable<FileKey>? present = null)
    {
        if (!SigningJudge.For(file, trusted).TryGet(out var judge, out var fault)) return fault;
        if (!Files(session, parsed, passphrases).TryGet(out var files, out fault)) return fault;
        var given = parsed.GetValue(keys)!;
        if (!session.Json) session.Show(MetadataView.Of(file.Signed, null, null));
        if (!session.DryRun && given.Length > 0 && session.Confirm($"{given.Length} key(s) will sign version {file.Version} of {file.Type}.", "sign") is { } unwanted) return unwanted;
        if (!session.DryRun)
        {
            foreach (var path in given)
            {
                if (!files.Open(path).TryGet(out var key, out fault)) return fault;
                using (key)
                {
                    if (!(await file.Sign(key, judge, cancel).ConfigureAwait(false)).TryGet(out file!, out fault)) return fault;
                }
            }
            // Those who join sign their own root: it proves they hold what the root says they hold.
            foreach (var key in present ?? [])
            {
                if (!(await file.Sign(key, judge, cancel).ConfigureAwait(false)).TryGet(out file!, out fault)) return fault;
            }
        }

        var complete = judge.IsComplete(file);
        var name = string.Create(CultureInfo.InvariantCulture, $"{file.Version}.{file.Type}{(complete ? "" : ".draft")}.json");
        var target = Path.Combine(folder, name);
        if (!session.DryRun)
        {
            if (draft is not null && !complete) OutputFiles.Replace(draft, file.Encode());
            else if (OutputFiles.Create(folder, [(name, file.Encode(), false)]) is { } there) return there;
            if (draft is not null && complete) File.Delete(draft);
        }

        var needs = judge.Progress(file);
        return new Outcome($"{(session.DryRun ? "would write" : "wrote")} {(draft is not null && !complete ? draft : target)}: {(complete ? "complete" : "more signatures are needed")}", JsonObject.Of(
            ("file", draft is not null && !complete ? draft : target), ("type", file.Type), ("version", file.Version), ("complete", complete),
            ("signatures", new JsonArray([.. needs.Select(need => (JsonValue)JsonObject.Of(("whose", need.Whose), ("have", (long)need.Have), ("need", (long)need.Need)))]))))
        {
            Facts = [.. needs.Select(need => ($"signed by keys of {need.Whose}", string.Create(CultureInfo.InvariantCulture, $"{need.Have} of {need.Need}")))],
            Next = complete ? [$"fwsign publish --{file.Type} {target}"] : [$"another holder: fwsign sign {draft ?? target} --root … --key NAME.{file.Type}.pem"],
        };
    }

    private static Outcome InitOutcome(string[] names, int threshold, string folder, HolderKeys? made, DateTimeOffset? expires, string verb) => new(
        string.Create(CultureInfo.InvariantCulture, $"{verb} a root of {threshold} of {names.Length} holders in {folder}"),
        JsonObject.Of(
            ("folder", folder), ("threshold", (long)threshold), ("root", "1.root.json"), ("targets", "1.targets.json"),
            ("holders", new JsonArray([.. names.Select((name, index) => (JsonValue)JsonObject.Of(
                ("name", name), ("keeps", new JsonArray(HolderKeys.RootFileOf(name), HolderKeys.TargetsFileOf(name))),
                ("rootKeyId", made?.Roots[index].KeyId ?? ""), ("targetsKeyId", made?.Targets[index].KeyId ?? "")))]))))
    {
        Facts = expires is { } end ? [("expires", Header.Write(end))] : [],
        Columns = ["holder", "keeps", "root keyid", "targets keyid"],
        Rows = [.. names.Select((name, index) => (IReadOnlyList<string>)[name, $"{HolderKeys.RootFileOf(name)}, {HolderKeys.TargetsFileOf(name)}, the passphrase", made?.Roots[index].KeyId[..16] ?? "", made?.Targets[index].KeyId[..16] ?? ""])],
        Next =
        [
            $"each holder takes the two files of their name away, on two media in two places; the passphrase is never with them. {folder}/HOLDERS.md says it all.",
            "delete the .pem files from this machine, then: fwsign add-product …, fwsign publish --root 1.root.json --targets …",
            "1.root.json is what devices are born with.",
        ],
    };

    private static Parsed<KeyFiles> Files(Session session, ParseResult parsed, Option<string[]> passphrases) =>
        Pairs(parsed.GetValue(passphrases)!, "--passphrase-file").Then<KeyFiles>(pairs => new KeyFiles(session, pairs.ToDictionary(one => one.Name, one => one.Value, StringComparer.Ordinal)));

    private static Parsed<IReadOnlyList<(string Person, PublicKey Key)>> ReadPeople(IEnumerable<string> given, string option)
    {
        if (!Pairs(given, option).TryGet(out var pairs, out var fault)) return fault;
        var people = new List<(string, PublicKey)>();
        foreach (var (person, path) in pairs)
        {
            if (!KeyFiles.ReadPublic(path).TryGet(out var key, out fault)) return fault;
            people.Add((person, key));
        }
        return people;
    }

    private static Parsed<(PublicKey? Key, bool _)> MaybePublic(string? path) =>
        path is null ? (null, true) : KeyFiles.ReadPublic(path).Then<(PublicKey?, bool)>(key => (key, true));

    // Verified as a device would, expiry aside: an expired root must still be replaceable.
    private static Parsed<(Root Root, JsonObject Signed)> ReadRoot(string path)
    {
        if (!InputFile.Read(path, Root.WireBytesMax).TryGet(out var file, out var fault)) return fault;
        if (!TrustedMetadata.Begin(file, DateTimeOffset.MinValue).TryGet(out var trusted, out fault)) return fault;
        return Envelope.Read(file).Then<(Root, JsonObject)>(envelope => (trusted.Root, envelope.Signed));
    }

    private static Parsed<(Root Root, JsonObject Signed, Targets Targets)> ReadCurrent(ParseResult parsed, Option<string> root, Option<string> targets)
    {
        if (!ReadRoot(parsed.GetRequiredValue(root)).TryGet(out var trusted, out var fault)) return fault;
        if (!InputFile.Read(parsed.GetRequiredValue(targets), FileBytesMax).TryGet(out var file, out fault)) return fault;
        if (!Envelope.Read(file).TryGet(out var envelope, out fault)) return fault;
        // Its signature is not asked for: after a rotation the old keys do not count any more, and what is made of it is shown and signed anew.
        return Targets.Parse(envelope.Signed).Then<(Root, JsonObject, Targets)>(read => (trusted.Root, envelope.Signed, read));
    }

    private static Option<string> TrustedRoot() => Needed("--root", "The root this follows, or is signed under.", "FILE");

    private static Option<string> CurrentTargets() => Needed("--targets", "The targets role as published.", "FILE");

    private static Option<string> OutFolder() => Needed("--out", "Folder for the new file.", "DIR");

    private static Option<string[]> Keys() => Many("--key", "Holder's key file that signs now; others sign later with `fwsign sign`.", "FILE");

    private static Option<string[]> Passphrases() => Many("--passphrase-file", "For scripts: file with the passphrase of a holder.", "HOLDER=FILE");

    private static Option<Custody> CustodyOption()
    {
        var option = new Option<Custody>("--custody")
        {
            Description = "shared (default): a threshold of at least 2. single-holder: one key is everything, for trying out.",
            HelpName = "shared|single-holder",
            DefaultValueFactory = _ => Custody.Shared,
            CustomParser = result =>
            {
                if (result.Tokens is [{ Value: "shared" }]) return Custody.Shared;
                if (result.Tokens is [{ Value: "single-holder" }]) return Custody.SingleHolder;
                result.AddError("--custody takes shared or single-holder.");
                return Custody.Shared;
            },
        };
        option.CompletionSources.Add("shared", "single-holder");
        return option;
    }
}
