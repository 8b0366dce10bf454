using Serverless.Hosting;
using Serverless.Telemetry;
using Serverless.Telemetry.IngestTelemetry;

var app = FunctionApp.Create(args, "telemetry");
app.Settings<ManagedIdentity>();
app.Settings<EventHubsPlace>();
app.Settings<StoragePlace>();
app.Settings<IngestSettings>();
app.Settings<ScoringSettings>();
TelemetryServices.Add(app.Services);
IngestTelemetry.Map(app);
return await app.Run().ConfigureAwait(false);
