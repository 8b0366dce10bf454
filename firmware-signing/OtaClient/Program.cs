using Serverless.Faults;
using Serverless.FirmwareSigning.Device;
using Serverless.FirmwareSigning.Device.Fetch;
using Serverless.FirmwareSigning.Device.Files;
using Serverless.FirmwareSigning.OtaClient;
using Serverless.FirmwareSigning.Trust;
using Serverless.FirmwareSigning.Trust.Metadata;

// Exit codes are a contract: 0 done, 1 anything else, refusal, outage or bug alike, and never another.
try
{
    var fault = CommandLine.Parse(args).TryGet(out var asked, out var usage) ? await Run(asked).ConfigureAwait(false) : usage;
    if (fault is null) return 0;
    await Console.Error.WriteLineAsync(fault.Code == "usage" ? CommandLine.Usage : $"refused: {fault}").ConfigureAwait(false);
    return 1;
}
#pragma warning disable CA1031 // The last line before the process ends: whatever it was, the exit code is 1.
catch (Exception failure)
#pragma warning restore CA1031
{
    await Console.Error.WriteLineAsync($"failed: {failure.GetType().Name}: {failure.Message}").ConfigureAwait(false);
    return 1;
}

static async Task<Fault?> Run(CommandLine asked)
{
    var store = new MetadataStore(new DiskFiles(asked.MetadataDirectory));
    var now = TimeProvider.System.GetUtcNow();
    if (asked.Command == "init") return Init(store, asked.RootFile, now);
    using var transport = new HttpTransport("ota-client");
    var fetch = new BoundedFetch(transport, FetchLimits.Default, TimeProvider.System);
    var address = new RepositoryAddress(asked.MetadataUrl, asked.TargetBaseUrl);
    var refreshed = await RepositorySession.Refresh(store, fetch, address, now, CancellationToken.None).ConfigureAwait(false);
    if (!refreshed.TryGet(out var session, out var fault)) return fault;
    foreach (var name in asked.TargetNames)
    {
        fault = await TargetDownload.ToDirectory(session, fetch, name, asked.TargetDirectory, CancellationToken.None).ConfigureAwait(false);
        if (fault is not null) return fault;
    }
    return null;
}

// Whoever runs init vouches for the file; it is still checked, so that a damaged one is noticed now and not in the field.
static Fault? Init(MetadataStore store, string rootFile, DateTimeOffset now)
{
    var root = File.ReadAllBytes(rootFile);
    if (!TrustedMetadata.Begin(root, now).TryGet(out _, out var fault)) return fault;
    store.Keep(RoleName.Root, root);
    return null;
}
