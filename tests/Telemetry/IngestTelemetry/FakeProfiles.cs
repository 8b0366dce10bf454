using System.Text;
using Serverless.Faults;
using Serverless.Telemetry.Profiles;

namespace Serverless.Telemetry.Tests.IngestTelemetry;

/// <summary>Profile documents in memory, and a list of what was reported about them.</summary>
internal sealed class FakeProfiles(FaultPlan plan) : IProfileDocuments, IProfileReports
{
    private readonly Dictionary<string, (string ETag, byte[] Bytes)> _documents = new(StringComparer.Ordinal);
    private int _revisions;

    public List<string> Reports { get; } = [];

    public void Put(string name, string document) => _documents[name] = ($"\"{++_revisions}\"", Encoding.UTF8.GetBytes(document));

    public void Delete(string name) => _documents.Remove(name);

    public async Task<ProfileDocument> Read(string name, string? knownETag, CancellationToken cancel)
    {
        var read = new ProfileDocument(ProfileDocumentKind.Missing);
        await plan.Call("profiles.Read", _ =>
        {
            if (!_documents.TryGetValue(name, out var document)) return;
            read = document.ETag == knownETag
                ? new ProfileDocument(ProfileDocumentKind.Unchanged)
                : new ProfileDocument(ProfileDocumentKind.Found, document.ETag, document.Bytes);
        });
        return read;
    }

    public Task Refused(string name, string eTag, Fault fault, CancellationToken cancel)
    {
        Reports.Add($"{name} {fault}");
        return Task.CompletedTask;
    }

    public void Unreachable(string name, Exception outage) => Reports.Add($"{name} unreachable");
}
