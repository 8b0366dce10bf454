namespace Serverless.FirmwareSigning.ReleaseCommand.Commands;

/// <summary>What to do about a refusal, where that is not plain from its code.</summary>
internal static class Advice
{
    /// <summary>A sentence, or nothing.</summary>
    /// <param name="code">A fault's code.</param>
    public static string? On(string code) => code switch
    {
        "profile-missing" => "Write that file (firmware-signing/ReleaseCommand/README.md shows one), or name another with --profile.",
        "not-confirmed" => "Nothing was signed. A script answers questions with --yes.",
        "passphrase-missing" => "A script gives --passphrase-file HOLDER=FILE.",
        "passphrase-short" => "At least 16 characters: several random words.",
        "key-file" => "Not an encrypted P-256 key file, or another passphrase: the two cannot be told apart.",
        "file-exists" => "Nothing was written. A ceremony never overwrites: choose an empty folder.",
        "ceremony-threshold" => "With one holder, or a threshold of 1, a single stolen key is everything. To try things out: --custody single-holder.",
        "ceremony-key-unknown" => "Give at least 8 characters of a keyid, as `fwsign inspect` shows it. Root, targets, snapshot and timestamp keys: rotate-root.",
        "ceremony-key-foreign" => "This key does not count for this file.",
        "ceremony-key-twice" => "Every key has one role: its thief would otherwise have two.",
        "policy-people" => "Too few people would be left to reach the threshold: add another key with --replace OBJECT-ID=FILE.",
        "proposal-claims" or "proposal-digest" or "proposal-foreign" => "DO NOT SIGN. The bytes to sign are not what the release says. Tell your security team: the pipeline may be compromised.",
        "proposal-image" => "DO NOT SIGN. The image is not the one you built or tested.",
        "proposal-state" => "Nothing awaits a signature: see `fwsign status`.",
        "approval-key-forbidden" => "Your key is not one the product's policy names for you, or it has signed already.",
        "approval-submitter-forbidden" => "Who submits does not approve: ask a colleague.",
        "approval-stale" => "Something else was published or proposed meanwhile: look again.",
        "publish-stale" => "Somebody published meanwhile: prepare the file again on top of that.",
        "key-forbidden" => "Your account may not use this key. Right after a role was assigned this may take minutes.",
        "key-expired" => "The key's expiry has passed. A new one needs a ceremony (add it to the product, then revoke this one).",
        "vault-unauthorized" => "The vault does not accept the token: signed in to the right tenant?",
        "blob-forbidden" => "Your account may not write to container firmware. Right after a role was assigned this may take minutes.",
        "target-hash" => "DO NOT INSTALL. The file is not what the repository's keys signed.",
        "mcuboot-reserved" => "The binary does not begin with room for a header: build it with one (ROM_START_OFFSET), or leave --header-reserved out.",
        "root-version" => "The file does not follow the root given with --root.",
        _ => null,
    };
}
