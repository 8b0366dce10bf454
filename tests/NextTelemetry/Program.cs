using System.Security.Cryptography;
using Serverless.Hosting;
using Serverless.NextTelemetry;
using Serverless.Telemetry;
using Serverless.Telemetry.Anomalies;
using Serverless.Telemetry.IngestTelemetry;
using Serverless.Telemetry.Scoring;
using Serverless.Telemetry.State;

// The Telemetry app as a later version might be: the same, and one column more in its state. The upgrade run rolls it out and back.
var app = FunctionApp.Create(args, "telemetry");
app.Settings<ManagedIdentity>();
app.Settings<EventHubsPlace>();
app.Settings<StoragePlace>();
app.Settings<IngestSettings>();
app.Settings<ScoringSettings>();
TelemetryServices.Add(app.Services);
app.Services.AddSingleton(all => new Ingest( // the last registration counts
    "next" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)),
    all.GetRequiredService<PartitionStores>(),
    () => new PartitionState(new ScoresColumn(all.GetRequiredService<DeviceLimits>()), new ConnectsColumn(), new MarkColumn()),
    all.GetRequiredService<IngestSettings>(),
    all.GetRequiredService<TimeProvider>(),
    all.GetRequiredService<ILogger<Ingest>>()));
IngestTelemetry.Map(app);
return await app.Run().ConfigureAwait(false);
