using System.Text.Json.Nodes;
using Serverless.Local.Identity;

namespace Serverless.Local.Run.Enrollment;

/// <summary>The Enrollment app's HTTP interface as manufacturing uses it: with a token of role <c>Device.Enroll</c>.</summary>
/// <param name="cloud">The cloud; function app <c>enrollment</c> runs there.</param>
/// <param name="caller">Whose token.</param>
internal sealed class EnrollmentApi(LocalCloud cloud, Principal caller) : IDisposable
{
    private readonly AppApi _app = new(cloud, "enrollment", caller);

    /// <summary>Enrols one device.</summary>
    public Task<ApiAnswer> Enroll(string id, string model, string owner, string pem, CancellationToken cancel) =>
        _app.Send(HttpMethod.Post, "devices", new JsonObject { ["registrationId"] = id, ["model"] = model, ["owner"] = owner, ["certificateChain"] = pem }, cancel);

    /// <summary>Submits rows of JSON Lines and waits until the last is done.</summary>
    /// <param name="rows">One device a line.</param>
    /// <param name="wall">Wall clock, for looking again.</param>
    /// <param name="cancel">Stops waiting; the batch goes on.</param>
    /// <returns>The finished batch as the app shows it.</returns>
    /// <exception cref="InvalidOperationException">The app refused the batch.</exception>
    public async Task<JsonNode> EnrollBatch(IEnumerable<JsonObject> rows, TimeProvider wall, CancellationToken cancel)
    {
        var lines = string.Concat(rows.Select(row => row.ToJsonString() + "\n"));
        var batch = (await _app.Send(HttpMethod.Post, "device-batches", lines, "application/jsonl", cancel).ConfigureAwait(false)).Accepted();
        while ((string?)batch["state"] != "finished")
        {
            await Task.Delay(TimeSpan.FromMilliseconds(250), wall, cancel).ConfigureAwait(false);
            batch = (await _app.Send(HttpMethod.Get, $"device-batches/{(string?)batch["id"]}", null, cancel).ConfigureAwait(false)).Accepted();
        }

        return batch;
    }

    /// <summary>The results of a batch, one line a row.</summary>
    public async Task<string> BatchResults(string id, CancellationToken cancel) =>
        (await _app.Send(HttpMethod.Get, $"device-batches/{id}/results", null, cancel).ConfigureAwait(false)).Text;

    /// <summary>Enrols a group.</summary>
    public Task<ApiAnswer> EnrollGroup(string id, string owner, IEnumerable<string> models, int devicesMax, string pem, CancellationToken cancel) =>
        _app.Send(
            HttpMethod.Post,
            "enrollment-groups",
            new JsonObject { ["groupId"] = id, ["owner"] = owner, ["models"] = new JsonArray([.. models.Select(model => (JsonNode)model)]), ["devicesMax"] = devicesMax, ["certificates"] = pem },
            cancel);

    /// <summary>Adds a device's next certificate.</summary>
    public Task<ApiAnswer> AddCertificate(string id, string pem, CancellationToken cancel) =>
        _app.Send(HttpMethod.Post, $"devices/{id}/certificates", new JsonObject { ["certificateChain"] = pem }, cancel);

    /// <summary>Removes a device's certificate by the thumbprint of its public key.</summary>
    public Task<ApiAnswer> RemoveCertificate(string id, string thumbprint, CancellationToken cancel) =>
        _app.Send(HttpMethod.Delete, $"devices/{id}/certificates/{thumbprint}", null, cancel);

    /// <summary>A device: the ledger, DPS and its hub.</summary>
    public Task<ApiAnswer> Show(string id, CancellationToken cancel) => _app.Send(HttpMethod.Get, $"devices/{id}", null, cancel);

    /// <inheritdoc/>
    public void Dispose() => _app.Dispose();
}
