using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Serverless.Faults;
using Serverless.Local.IotHub.Access;

namespace Serverless.Local.Provisioning.Enrollments;

/// <summary>The CA certificates registered with a service. One counts only after its owner proved to hold its key: else whoever knows a
/// public certificate could claim another company's devices.</summary>
/// <remarks>Thread-safe. The certificates are copies of the store.</remarks>
internal sealed class AuthorityStore : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Those that proved possession: the anchors of device chains.</summary>
    public IReadOnlyList<X509Certificate2> Verified
    {
        get
        {
            lock (_gate) return [.. _entries.Values.Where(entry => entry.Verified).Select(entry => entry.Certificate)];
        }
    }

    /// <summary>Whether a reference to this name may be used.</summary>
    public bool IsVerified(string name)
    {
        lock (_gate) return _entries.TryGetValue(name, out var entry) && entry.Verified;
    }

    /// <summary>Whether the name stands for these bytes, and is verified.</summary>
    public bool Is(string name, byte[] der)
    {
        lock (_gate) return _entries.TryGetValue(name, out var entry) && entry.Verified && entry.Certificate.RawDataMemory.Span.SequenceEqual(der);
    }

    /// <summary>Registers a CA, unproven.</summary>
    /// <returns>The code to put into a proof, or <c>authority-exists</c>, <c>authority-shape</c> (no CA), <c>authorities-full</c>.</returns>
    public Parsed<string> Add(string name, X509Certificate2 certificate)
    {
        if (!StoredCertificate.From(certificate.RawData).IsAuthority) return new Fault("authority-shape", "certificate");
        lock (_gate)
        {
            if (_entries.ContainsKey(name)) return new Fault("authority-exists", "name");
            if (_entries.Count >= ProvisioningLimits.AuthoritiesMax) return new Fault("authorities-full", "name");
            var code = Convert.ToHexString(RandomNumberGenerator.GetBytes(24));
            _entries[name] = new Entry(X509CertificateLoader.LoadCertificate(certificate.RawData), code);
            return code;
        }
    }

    /// <summary>Takes a proof: a certificate that the CA itself signed, with the code as common name.</summary>
    /// <returns>Null, or <c>authority-unknown</c>, <c>authority-proof</c>.</returns>
    public Fault? Prove(string name, X509Certificate2 proof, DateTimeOffset now)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(name, out var entry)) return new Fault("authority-unknown", "name");
            var chain = DeviceChain.Build(new PeerCertificates(proof.RawData, []), [entry.Certificate], now);
            // Two elements: signed by the CA and not by another that it signed.
            if (DeviceChain.CommonName(proof) != entry.Code || !chain.TryGet(out var elements, out _) || elements.Count != 2) return new Fault("authority-proof", "proof");
            entry.Verified = true;
            return null;
        }
    }

    /// <summary>Removes a CA: from now on no chain ends in it.</summary>
    /// <returns>Null, or <c>authority-unknown</c>.</returns>
    public Fault? Remove(string name)
    {
        lock (_gate) return _entries.Remove(name) ? null : new Fault("authority-unknown", "name");
    }

    public void Dispose()
    {
        foreach (var entry in _entries.Values) entry.Certificate.Dispose();
    }

    private sealed class Entry(X509Certificate2 certificate, string code)
    {
        public X509Certificate2 Certificate { get; } = certificate;

        public string Code { get; } = code;

        public bool Verified { get; set; }
    }
}
