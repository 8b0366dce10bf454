using Serverless.Hosting;
using Serverless.Lifecycle;
using Serverless.Lifecycle.Audits;
using Serverless.Lifecycle.Sweeps;

var app = FunctionApp.Create(args, "lifecycle");
app.Settings<ManagedIdentity>();
app.Settings<DpsPlace>();
app.Settings<HubPlace>();
app.Settings<TablePlace>();
app.Settings<AuditPlace>();
app.Settings<AlertPlace>();
app.Settings<VaultPlace>();
app.Settings<LifecycleSettings>();
app.Settings<SweepSettings>();
app.Settings<AuditSettings>();
LifecycleServices.Add(app.Services);
LifecycleServices.Map(app);
return await app.Run().ConfigureAwait(false);
