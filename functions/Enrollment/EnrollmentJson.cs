using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Serverless.Enrollment.AddCertificate;
using Serverless.Enrollment.EnrollDevice;
using Serverless.Enrollment.EnrollGroup;
using Serverless.Enrollment.ShowDevice;
using Serverless.Enrollment.SubmitBatch;

namespace Serverless.Enrollment;

/// <summary>Wire records of the app's own API.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Strict, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 16)]
[JsonSerializable(typeof(EnrollmentReceipt))]
[JsonSerializable(typeof(DeviceView))]
[JsonSerializable(typeof(DevicePage))]
[JsonSerializable(typeof(GroupView))]
[JsonSerializable(typeof(NextCertificateBody))]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(BatchState))]
[JsonSerializable(typeof(BatchView))]
[JsonSerializable(typeof(RowResult))]
internal sealed partial class EnrollmentJson : JsonSerializerContext;
