using Serverless.Devices;
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

    /// <summary>A device's statement and what it tried since; <see langword="null"/> when there is none.</summary>
    /// <param name="device">The device.</param>
    /// <param name="cancel">Stops the call.</param>
    public async Task<(string Statement, IReadOnlyList<ReturnAttempt> Returns)?> Show(DeviceRecord device, CancellationToken cancel) =>
        await statements.Read(device, cancel).ConfigureAwait(false) is { } statement ? (statement, await returns.Read(device.Id, cancel).ConfigureAwait(false)) : null;
}
