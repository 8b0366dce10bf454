using System.CommandLine;
using System.Globalization;
using Serverless.Faults;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.ReleaseCommand.Ceremony;
using Serverless.FirmwareSigning.ReleaseCommand.Online;
using Serverless.FirmwareSigning.Trust.Json;
using Serverless.FirmwareSigning.Trust.Metadata;
using static Serverless.FirmwareSigning.ReleaseCommand.Commands.CommonSymbols;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary>Commands that ask the Firmware app for one thing.</summary>
internal static class ReleaseCommands
{
    /// <summary><c>publish</c>: a ceremony's files become what devices see.</summary>
    /// <remarks>Refuses with <c>publish-nothing</c> (no file given), <c>file-missing</c>, <c>file-size</c>, <c>pair</c>, or the service's fault.</remarks>
    public static Command Publish(CommandTree tree)
    {
        var root = Maybe("--root", "The next root, complete.", "FILE");
        var targets = Maybe("--targets", "The next targets role, complete.", "FILE");
        var roles = Many("--role", "A product's role, signed again by its approvers.", "PRODUCT=FILE");
        return tree.Make("publish", "Publishes the files of an offline ceremony, all of them at once or none.", [root, targets, roles], async (parsed, session, cancel) =>
        {
            if (!MaybeFile(parsed.GetValue(root), Root.WireBytesMax).TryGet(out var rootFile, out var fault)) return fault;
            if (!MaybeFile(parsed.GetValue(targets), Targets.WireBytesMax).TryGet(out var targetsFile, out fault)) return fault;
            if (!Pairs(parsed.GetValue(roles)!, "--role").TryGet(out var pairs, out fault)) return fault;
            var signed = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var (product, path) in pairs)
            {
                if (!InputFile.Read(path, Targets.WireBytesMax).TryGet(out var file, out fault)) return fault;
                signed.Add(product, Convert.ToBase64String(file));
            }
            if (rootFile.Text is null && targetsFile.Text is null && signed.Count == 0) return new Fault("publish-nothing", "--root");
            if (!Connection.Open(session, tree.SignInOf(parsed)).TryGet(out var connection, out fault)) return fault;
            using (connection)
            {
                var what = string.Join(", ", new[] { rootFile.Text is null ? null : "root", targetsFile.Text is null ? null : "targets" }.OfType<string>().Concat(signed.Keys));
                if (session.DryRun) return new Outcome($"would publish {what}", JsonObject.Of(("would", what)));
                if (session.Confirm($"{what} will be what every device sees.", "publish") is { } unwanted) return unwanted;
                var change = new MetadataChangeBody(rootFile.Text, targetsFile.Text, signed.Count > 0 ? signed : null);
                var answer = await connection.Releases().Publish(change, cancel).ConfigureAwait(false);
                return answer.Then<Outcome>(done => new Outcome(
                    string.Create(CultureInfo.InvariantCulture, $"published {what}: timestamp {done.TimestampVersion}, snapshot {done.SnapshotVersion}"),
                    JsonObject.Of(("published", what), ("timestampVersion", done.TimestampVersion), ("snapshotVersion", done.SnapshotVersion))));
            }
        });
    }

    /// <summary><c>status</c>: products, roles and releases; or one release.</summary>
    /// <remarks>Refuses with <c>api-answer</c> (pages without end), or the service's fault.</remarks>
    public static Command Status(CommandTree tree)
    {
        var id = new Argument<string?>("RELEASE") { Description = "A release's id, such as gw100@1.4.0; without it, everything.", Arity = ArgumentArity.ZeroOrOne };
        var product = Maybe("--product", "Only this product's releases.", "ID");
        var wait = new Option<bool>("--wait") { Description = "With a release: wait until nothing more happens by itself." };
        return tree.Make("status", "Shows what is proposed, published and about to expire.", [id, product, wait], async (parsed, session, cancel) =>
        {
            if (!Connection.Open(session, tree.SignInOf(parsed)).TryGet(out var connection, out var fault)) return fault;
            using (connection)
            {
                if (parsed.GetValue(id) is { } one)
                {
                    var shown = await connection.Releases().Show(one, cancel).ConfigureAwait(false);
                    if (parsed.GetValue(wait) && shown.TryGet(out var release, out _)) shown = await Settled(session, connection, release, cancel).ConfigureAwait(false);
                    return shown.Then<Outcome>(release => ReleaseView.Of(release));
                }
                return await Overview(connection.Releases(), parsed.GetValue(product), session.Now, cancel).ConfigureAwait(false);
            }
        });
    }

    /// <summary><c>renew</c>: a product's role again, for a later expiry or after a revocation.</summary>
    public static Command Renew(CommandTree tree)
    {
        var product = new Argument<string>("PRODUCT") { Description = "Product id." };
        var reason = Needed("--reason", "Why; kept and shown.", "TEXT");
        return tree.Make("renew", "Proposes a product's present images again, with a later expiry; then it is approved like a release.", [product, reason], (parsed, session, cancel) =>
            Propose(tree, parsed, session, "renew " + parsed.GetRequiredValue(product), client => client.Renew(parsed.GetRequiredValue(product), new ReasonBody(parsed.GetRequiredValue(reason)), cancel)));
    }

    /// <summary><c>revoke release</c>: takes a published release back.</summary>
    public static Command RevokeRelease(CommandTree tree)
    {
        var id = new Argument<string>("RELEASE") { Description = "The release's id, such as gw100@1.4.0." };
        var reason = Needed("--reason", "Why; kept and shown.", "TEXT");
        return tree.Make("release", "Proposes to take a published release back. One approval, also the submitter's own, publishes that at once.", [id, reason], (parsed, session, cancel) =>
            Propose(tree, parsed, session, "revoke " + parsed.GetRequiredValue(id), client => client.Withdraw(parsed.GetRequiredValue(id), new ReasonBody(parsed.GetRequiredValue(reason)), cancel)));
    }

    /// <summary>Waits while the pipeline works on a release by itself.</summary>
    /// <param name="session">The run.</param>
    /// <param name="connection">The deployment.</param>
    /// <param name="release">As it was last seen.</param>
    /// <param name="cancel">The caller's patience.</param>
    public static async Task<Parsed<ReleaseBody>> Settled(Terminal.Session session, Connection connection, ReleaseBody release, CancellationToken cancel)
    {
        if (!IsMoving(release)) return release;
        var total = release.Progress?.TotalBytes ?? release.Image?.Bytes ?? 1;
        return await session.WithBar<Parsed<ReleaseBody>>($"{release.Id}: {release.State}", total, async progress =>
        {
            while (IsMoving(release))
            {
                progress.Report(release.Progress?.DoneBytes ?? 0);
                await Task.Delay(TimeSpan.FromSeconds(2), session.At.Clock, cancel).ConfigureAwait(false);
                var asked = await connection.Releases().Show(release.Id, cancel).ConfigureAwait(false);
                if (!asked.TryGet(out var next, out var fault)) return fault;
                release = next;
            }
            return release;
        }).ConfigureAwait(false);
    }

    private static bool IsMoving(ReleaseBody release) => release.State is ReleaseState.Checking or ReleaseState.Approved;

    private static async Task<Parsed<Outcome>> Propose(CommandTree tree, ParseResult parsed, Terminal.Session session, string what, Func<ReleasesClient, Task<Parsed<ReleaseBody>>> ask)
    {
        if (!Connection.Open(session, tree.SignInOf(parsed)).TryGet(out var connection, out var fault)) return fault;
        using (connection)
        {
            if (session.DryRun) return new Outcome($"would propose to {what}", JsonObject.Of(("would", what)));
            if (session.Confirm($"This proposes to {what}.", "propose") is { } unwanted) return unwanted;
            var proposed = await ask(connection.Releases()).ConfigureAwait(false);
            return proposed.Then<Outcome>(release => ReleaseView.Of(release, "proposed") with { Next = [$"fwsign approve {release.Id} --key NAME"] });
        }
    }

    /// <summary>Products, roles and every release, page by page.</summary>
    /// <returns>The overview, or <c>api-answer</c> (pages without end), or the service's fault.</returns>
    internal static async Task<Parsed<Outcome>> Overview(ReleasesClient client, string? product, DateTimeOffset now, CancellationToken cancel)
    {
        if (!(await client.Metadata(cancel).ConfigureAwait(false)).TryGet(out var metadata, out var fault)) return fault;
        if (!(await client.Products(cancel).ConfigureAwait(false)).TryGet(out var products, out fault)) return fault;
        var releases = new List<ReleaseBody>();
        string? after = null;
        do
        {
            if (!(await client.List(product, after, cancel).ConfigureAwait(false)).TryGet(out var page, out fault)) return fault;
            releases.AddRange(page.Releases);
            if (page.Next is not null && page.Next == after) return new Fault("api-answer", "next"); // it would go on for ever
            after = page.Next;
        }
        while (after is not null && releases.Count < 10_000);
        return new Outcome(
            string.Create(CultureInfo.InvariantCulture, $"{products.Products.Count} product(s), {releases.Count} release(s)"),
            JsonObject.Of(
                ("roles", new JsonArray([.. metadata.Roles.Select(role => (JsonValue)JsonObject.Of(("name", role.Name), ("version", role.Version), ("expires", role.Expires)))])),
                ("products", new JsonArray([.. products.Products.Select(one => (JsonValue)JsonObject.Of(("id", one.Id), ("policy", one.Policy), ("threshold", (long)one.Threshold), ("roleVersion", one.RoleVersion)))])),
                ("releases", new JsonArray([.. releases.Select(release => (JsonValue)ReleaseView.ToJson(release))]))))
        {
            Facts =
            [
                .. metadata.Roles.Select(role => ($"role {role.Name}", string.Create(CultureInfo.InvariantCulture, $"version {role.Version}, expires {role.Expires}{Left(role.Expires, now)}"))),
                .. products.Products.Select(one => ($"product {one.Id}", string.Create(CultureInfo.InvariantCulture, $"{one.Policy}, {one.Threshold} keys of {one.Approvers.Count + 1}, hardware {string.Join(' ', one.Hardware)}"))),
            ],
            Columns = ["release", "kind", "state", "policy", "signatures"],
            Rows = [.. releases.Select(release => (IReadOnlyList<string>)[
                release.Id, release.Kind, release.State, release.Policy,
                release.Proposal is { } proposal ? string.Create(CultureInfo.InvariantCulture, $"{proposal.Approvals.Count} of {proposal.Threshold}") : ""])],
        };
    }

    private static string Left(string expires, DateTimeOffset now) =>
        !Header.TryInstant(expires, out var end) ? "" : end <= now ? " (EXPIRED)" : string.Create(CultureInfo.InvariantCulture, $" (in {(end - now).TotalDays:0} days)");

    private static Parsed<(string? Text, bool _)> MaybeFile(string? path, int bytesMax) =>
        path is null ? (null, true) : InputFile.Read(path, bytesMax).Then<(string?, bool)>(file => (Convert.ToBase64String(file), true));
}
