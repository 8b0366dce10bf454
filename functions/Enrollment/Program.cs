using Serverless.Enrollment;
using Serverless.Enrollment.AddCertificate;
using Serverless.Enrollment.Allocate;
using Serverless.Enrollment.EnrollDevice;
using Serverless.Enrollment.EnrollGroup;
using Serverless.Enrollment.ListDevices;
using Serverless.Enrollment.RemoveCertificate;
using Serverless.Enrollment.RunBatches;
using Serverless.Enrollment.SettleLedger;
using Serverless.Enrollment.ShowBatch;
using Serverless.Enrollment.ShowBatchResults;
using Serverless.Enrollment.ShowDevice;
using Serverless.Enrollment.SubmitBatch;
using Serverless.Hosting;

var app = FunctionApp.Create(args, "enrollment");
app.Settings<ManagedIdentity>();
app.Settings<StoragePlace>();
app.Settings<AuditPlace>();
app.Settings<ProvisioningPlace>();
app.Settings<WebhookPlace>();
app.Settings<AdmissionSettings>();
EnrollmentServices.Add(app.Services);
app.Http(routes =>
{
    EnrollDevice.Map(routes);
    ListDevices.Map(routes);
    ShowDevice.Map(routes);
    AddCertificate.Map(routes);
    RemoveCertificate.Map(routes);
    EnrollGroup.Map(routes);
    SubmitBatch.Map(routes);
    ShowBatch.Map(routes);
    ShowBatchResults.Map(routes);
    Allocate.Map(routes);
});
RunBatches.Map(app);
SettleLedger.Map(app);
return await app.Run().ConfigureAwait(false);
