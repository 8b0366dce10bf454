using Serverless.Telemetry.Profiles;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.CommandLine.Replay;

/// <summary>The profiles as their documents stand when the run first asks; one run judges by one revision of each.</summary>
internal sealed class CurrentProfiles(IProfileDocuments documents)
{
    private readonly Dictionary<string, Profile?> _read = new(StringComparer.Ordinal);

    /// <summary>A profile, or <see langword="null"/> when there is none of that name.</summary>
    /// <exception cref="InvalidDataException">There is a document, and it is refused: ingestion goes on by the last good revision, which
    /// nobody meant to replay by.</exception>
    public async Task<Profile?> Get(string name, CancellationToken cancel)
    {
        if (!ProfileName.IsValid(name)) return null;
        if (_read.TryGetValue(name, out var known)) return known;
        var document = await documents.Read(name, knownETag: null, cancel).ConfigureAwait(false);
        Profile? profile = null;
        if (document.Kind == ProfileDocumentKind.Found)
        {
            if (!ProfileShelf.Compile(name, document.Bytes!).TryGet(out var pin, out var fault)) throw new InvalidDataException($"profile {name}: {fault}");
            profile = pin.Profile;
        }

        return _read[name] = profile;
    }
}
