using System.Text.Json;
using System.Text.Json.Serialization;

namespace Serverless.FirmwareSigning.ReleaseApi;

/// <summary>The records as JSON, without reflection. Strict: an unknown, doubled, missing or null member is an error.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Strict, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 16)]
[JsonSerializable(typeof(SubmissionBody))]
[JsonSerializable(typeof(ApprovalBody))]
[JsonSerializable(typeof(ReasonBody))]
[JsonSerializable(typeof(MetadataChangeBody))]
[JsonSerializable(typeof(ReleaseBody))]
[JsonSerializable(typeof(ReleasesBody))]
[JsonSerializable(typeof(ProductsBody))]
[JsonSerializable(typeof(MetadataBody))]
[JsonSerializable(typeof(MetadataPublishedBody))]
public sealed partial class ReleaseApiJson : JsonSerializerContext;
