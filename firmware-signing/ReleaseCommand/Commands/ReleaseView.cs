using System.Globalization;
using System.Text.Json;
using Serverless.FirmwareSigning.ReleaseApi;
using Serverless.FirmwareSigning.Trust.Json;

namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary>A release as the pipeline shows it.</summary>
internal static class ReleaseView
{
    /// <summary>For a person and for a program.</summary>
    /// <param name="release">The release.</param>
    /// <param name="verb">What was done, or nothing.</param>
    public static Outcome Of(ReleaseBody release, string verb = "")
    {
        List<(string, string)> facts = [("state", release.State), ("policy", release.Policy == "single-person" ? "SINGLE-PERSON: one person may submit and approve" : release.Policy), ("submitted", $"{release.SubmittedAt} by {release.SubmittedBy}")];
        if (release.Reason is { } reason) facts.Add(("reason", reason));
        if (release.Fault is { } fault) facts.Add(("refused", $"{fault.Code} at {fault.Where}"));
        if (release.Progress is { } progress) facts.Add(("progress", string.Create(CultureInfo.InvariantCulture, $"{progress.DoneBytes} of {progress.TotalBytes} bytes")));
        if (release.Image is { } image) facts.AddRange([("image", image.Target), ("bytes", image.Bytes.ToString(CultureInfo.InvariantCulture)), ("sha256", image.Sha256)]);
        if (release.Hardware is { } hardware) facts.Add(("hardware", string.Join(' ', hardware)));
        if (release.Svn is { } svn) facts.Add(("svn", svn.ToString(CultureInfo.InvariantCulture)));
        if (release.Proposal is { } proposal)
        {
            if (proposal.Envelopes is { } envelopes) facts.Add(("SUIT envelopes", string.Join(' ', envelopes.Select(one => one.Target))));
            facts.Add(("signatures", string.Create(CultureInfo.InvariantCulture, $"{proposal.Approvals.Count} of {proposal.Threshold}: {string.Join(", ", proposal.Approvals.Select(one => one.By))}")));
            if (release.State == ReleaseState.Proposed) facts.Add(("may approve", string.Join(", ", proposal.MayApprove.Select(one => one.Person).Distinct(StringComparer.Ordinal))));
        }
        if (release.Published is { } published) facts.Add(("published", published.At));
        return new Outcome($"{(verb.Length > 0 ? verb + " " : "")}{release.Id}: {release.State}", ToJson(release)) { Facts = facts };
    }

    /// <summary>The wire form, without the text to sign: it is long, and nobody should sign what a status said.</summary>
    /// <param name="release">The release.</param>
    public static JsonObject ToJson(ReleaseBody release)
    {
        var plain = release.Proposal is { } proposal ? release with { Proposal = proposal with { Signed = null, Envelopes = proposal.Envelopes?.Select(one => one with { Content = null }).ToArray() } } : release;
        var bytes = JsonSerializer.SerializeToUtf8Bytes(plain, ReleaseApiJson.Default.ReleaseBody);
        return JsonReading.Read(bytes).TryGet(out var value, out _) && value is JsonObject json ? json : throw new System.Diagnostics.UnreachableException("A release is a JSON object.");
    }
}
