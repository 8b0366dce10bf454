using Serverless.Devices;
using Serverless.Faults;
using Serverless.Lifecycle.Endings;
using Serverless.Lifecycle.Sweeps;

namespace Serverless.Lifecycle.Proofs;

/// <summary>Issues and shows statements of death.</summary>
internal sealed class DeathCertificates(IStatementSigner signer, IStatements statements, IReturns returns, TimeProvider clock)
{
    /// <summary>Signs and stores a dead device's statement, once: what is stored stays, and is what counts.</summary>
    /// <param name="device">A dead device.</param>
    /// <param name="cancel">Stops the call; the statement may be stored.</param>
    /// <returns>What the ledger notes of it: the key that signed.</returns>
    public async Task<string> Issue(DeviceRecord device, CancellationToken cancel)
    {
        // A crash after storing leaves one that is good: another signature over another time would be a second truth.
        if (await statements.Read(device, cancel).ConfigureAwait(false) is { } stored) return "stored before, " + stored.Length.ToString(System.Globalization.CultureInfo.InvariantCulture) + " bytes";
        var attempts = await returns.Read(device.Id, cancel).ConfigureAwait(false);
        var keyId = await signer.KeyId(cancel).ConfigureAwait(false);
        var input = DeathStatement.SigningInput(device, attempts, keyId, clock.GetUtcNow());
        var signature = await signer.Sign(keyId, DeathStatement.Digest(input), cancel).ConfigureAwait(false);
        await statements.Store(device, DeathStatement.Compact(input, signature.Span), cancel).ConfigureAwait(false);
        return keyId;
    }

    /// <summary>Notes that an ended device, or somebody for it, tried to come back.</summary>
    /// <param name="device">The device.</param>
    /// <param name="attempt">What was seen.</param>
    /// <param name="cancel">Stops the call.</param>
    public Task Returned(DeviceId device, ReturnAttempt attempt, CancellationToken cancel) => returns.Note(device, attempt, cancel);

    /// <summary>A device's statement, and what it tried up to now.</summary>
    /// <param name="device">The device's row, if any.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>Both; or <c>device-unknown</c>, <c>death-certificate-unknown</c> (it lives, or the statement is not signed yet).</returns>
    public async Task<Parsed<(string Statement, IReadOnlyList<ReturnAttempt> Returns)>> Show(DeviceRecord? device, CancellationToken cancel)
    {
        if (device is null) return new Fault("device-unknown", "id");
        var statement = device.State == DeviceState.Dead ? await statements.Read(device, cancel).ConfigureAwait(false) : null;
        return statement is null ? new Fault("death-certificate-unknown", "id") : (statement, await returns.Read(device.Id, cancel).ConfigureAwait(false));
    }
}
