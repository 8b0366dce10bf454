using Serverless.Firmware;
using Serverless.Firmware.Desk;
using Serverless.Hosting;

var app = FunctionApp.Create(args, "firmware");
app.Settings<ManagedIdentity>();
app.Settings<VaultPlace>();
app.Settings<TablePlace>();
app.Settings<ImagePlace>();
app.Settings<OtaPlace>();
app.Settings<DeskSettings>();
FirmwareServices.Add(app.Services);
FirmwareServices.Map(app);
return await app.Run().ConfigureAwait(false);
