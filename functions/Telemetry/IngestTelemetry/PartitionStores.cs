using Serverless.Telemetry.Blobs;
using Serverless.Telemetry.Profiles;
using Serverless.Telemetry.Publishing;
using Serverless.Telemetry.State;

namespace Serverless.Telemetry.IngestTelemetry;

/// <summary>Everything outside that ingestion reads and writes.</summary>
/// <param name="Source">Hub <c>telemetry</c>.</param>
/// <param name="Validated">Hub <c>validated</c>.</param>
/// <param name="Alerts">Hub <c>alerts</c>.</param>
/// <param name="Rejected">Container <c>rejected</c>.</param>
/// <param name="State">Container <c>telemetry-state</c>.</param>
/// <param name="Profiles">The profiles in use.</param>
internal sealed record PartitionStores(ISourceHub Source, IHub Validated, IHub Alerts, IBlobs Rejected, IBlobs State, ProfileShelf Profiles);

/// <summary>Makes the state of a partition that was never seen; here further subjects add their columns.</summary>
internal delegate PartitionState EmptyState();
