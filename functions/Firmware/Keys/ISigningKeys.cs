using Serverless.Faults;
using Serverless.FirmwareSigning.Signing;

namespace Serverless.Firmware.Keys;

/// <summary>What the app signs.</summary>
internal enum KeyUse
{
    /// <summary>Product roles, as one of two signers.</summary>
    Policy,

    /// <summary>The snapshot.</summary>
    Snapshot,

    /// <summary>The timestamp.</summary>
    Timestamp,
}

/// <summary>The app's online keys.</summary>
internal interface ISigningKeys
{
    /// <summary>The version of a key that the metadata names: rotation is a signed change of metadata, and the key follows it.</summary>
    /// <param name="use">Which key.</param>
    /// <param name="keyIds">Keyids that the offline roles trust for this use.</param>
    /// <param name="cancel">The caller's patience.</param>
    /// <returns>A signer of this caller's own, or <c>signing-key-conflict</c>: no enabled version of the key is among those trusted.</returns>
    Task<Parsed<IDigestSigner>> Find(KeyUse use, IReadOnlyCollection<string> keyIds, CancellationToken cancel);
}
