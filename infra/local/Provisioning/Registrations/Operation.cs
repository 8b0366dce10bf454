using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Serverless.Local.Provisioning.Registrations;

/// <summary>One registration under way, or its end. Thread-safe: it ends once.</summary>
internal sealed class Operation
{
    private volatile JsonObject? _answer;

    /// <summary>Begins one.</summary>
    /// <param name="registrationId">Whose.</param>
    public Operation(string registrationId)
    {
        // The shape Azure's ids have: version, a part of the device's, a random part. The random part is what nobody can guess.
        var device = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(registrationId.ToUpperInvariant())).AsSpan(0, 8));
        Id = $"5.{device}.{new Guid(RandomNumberGenerator.GetBytes(16))}";
    }

    public string Id { get; }

    /// <summary>Whether a poll would get an end.</summary>
    public bool IsOver => _answer is not null;

    /// <summary><c>RegistrationOperationStatus</c> as of now.</summary>
    public JsonObject Answer => (JsonObject?)_answer?.DeepClone() ?? new JsonObject { ["operationId"] = Id, ["status"] = RegistrationRecord.Text(RegistrationStatus.Assigning) };

    /// <summary>Ends it.</summary>
    /// <param name="state"><c>registrationState</c>; owned from here on.</param>
    public void End(JsonObject state) => _answer = new JsonObject { ["operationId"] = Id, ["status"] = state["status"]!.DeepClone(), ["registrationState"] = state };
}
