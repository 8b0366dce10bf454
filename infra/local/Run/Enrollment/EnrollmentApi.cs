using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Serverless.Local.Identity;
using Serverless.Local.Tls;

namespace Serverless.Local.Run.Enrollment;

/// <summary>The Enrollment app's HTTP interface as manufacturing uses it: with a token of role <c>Device.Enroll</c>.</summary>
/// <param name="cloud">The cloud; function app <c>enrollment</c> runs there.</param>
/// <param name="caller">Whose token.</param>
internal sealed class EnrollmentApi(LocalCloud cloud, Principal caller) : IDisposable
{
    private readonly HttpClient _http = new(LocalTrust.Handler(cloud.Authority)) { BaseAddress = new Uri(cloud.Apps["enrollment"].Address, "api/"), Timeout = TimeSpan.FromMinutes(2) };

    /// <summary>Enrols one device.</summary>
    public Task<ApiAnswer> Enroll(string id, string model, string owner, string pem, CancellationToken cancel) =>
        Send(HttpMethod.Post, "devices", Json(new JsonObject { ["registrationId"] = id, ["model"] = model, ["owner"] = owner, ["certificateChain"] = pem }), cancel);

    /// <summary>Submits rows of JSON Lines and waits until the last is done.</summary>
    /// <param name="rows">One device a line.</param>
    /// <param name="wall">Wall clock, for looking again.</param>
    /// <param name="cancel">Stops waiting; the batch goes on.</param>
    /// <returns>The finished batch as the app shows it.</returns>
    /// <exception cref="InvalidOperationException">The app refused the batch.</exception>
    public async Task<JsonNode> EnrollBatch(IEnumerable<JsonObject> rows, TimeProvider wall, CancellationToken cancel)
    {
        var lines = string.Concat(rows.Select(row => row.ToJsonString() + "\n"));
        var batch = Accepted(await Send(HttpMethod.Post, "device-batches", Body(lines, "application/jsonl"), cancel).ConfigureAwait(false));
        while ((string?)batch["state"] != "finished")
        {
            await Task.Delay(TimeSpan.FromMilliseconds(250), wall, cancel).ConfigureAwait(false);
            batch = Accepted(await Send(HttpMethod.Get, $"device-batches/{(string?)batch["id"]}", null, cancel).ConfigureAwait(false));
        }

        return batch;
    }

    /// <summary>The results of a batch, one line a row.</summary>
    public async Task<string> BatchResults(string id, CancellationToken cancel) =>
        (await Send(HttpMethod.Get, $"device-batches/{id}/results", null, cancel).ConfigureAwait(false)).Text;

    /// <summary>Enrols a group.</summary>
    public Task<ApiAnswer> EnrollGroup(string id, string owner, IEnumerable<string> models, int devicesMax, string pem, CancellationToken cancel) =>
        Send(
            HttpMethod.Post,
            "enrollment-groups",
            Json(new JsonObject { ["groupId"] = id, ["owner"] = owner, ["models"] = new JsonArray([.. models.Select(model => (JsonNode)model)]), ["devicesMax"] = devicesMax, ["certificates"] = pem }),
            cancel);

    /// <summary>Adds a device's next certificate.</summary>
    public Task<ApiAnswer> AddCertificate(string id, string pem, CancellationToken cancel) =>
        Send(HttpMethod.Post, $"devices/{id}/certificates", Json(new JsonObject { ["certificateChain"] = pem }), cancel);

    /// <summary>Removes a device's certificate by the thumbprint of its public key.</summary>
    public Task<ApiAnswer> RemoveCertificate(string id, string thumbprint, CancellationToken cancel) =>
        Send(HttpMethod.Delete, $"devices/{id}/certificates/{thumbprint}", null, cancel);

    /// <summary>A device: the ledger, DPS and its hub.</summary>
    public Task<ApiAnswer> Show(string id, CancellationToken cancel) => Send(HttpMethod.Get, $"devices/{id}", null, cancel);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>The body of an answer that must be good.</summary>
    /// <exception cref="InvalidOperationException">It is not; the message carries status and fault code.</exception>
    public static JsonNode Accepted(ApiAnswer answer) =>
        answer.Status is >= 200 and < 300 ? answer.Body! : throw new InvalidOperationException($"the Enrollment app answered {answer.Status} {answer.Fault}");

    private async Task<ApiAnswer> Send(HttpMethod method, string path, HttpContent? body, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", cloud.Tokens.Issue(caller, Audiences.Api).Token);
        using var answer = await _http.SendAsync(request, cancel).ConfigureAwait(false);
        return new ApiAnswer((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(cancel).ConfigureAwait(false));
    }

    private static ByteArrayContent Json(JsonObject body) => Body(body.ToJsonString(), "application/json");

    // With its length: the host drops a body that comes in chunks.
    private static ByteArrayContent Body(string text, string type) => new(Encoding.UTF8.GetBytes(text)) { Headers = { ContentType = new MediaTypeHeaderValue(type) } };
}

/// <summary>What the app answered.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Text">The body.</param>
internal sealed record ApiAnswer(int Status, string Text)
{
    /// <summary>The body as JSON; <see langword="null"/> if there is none.</summary>
    public JsonNode? Body => Text.StartsWith('{') ? JsonNode.Parse(Text) : null;

    /// <summary>The fault code of a refusal, or empty.</summary>
    public string Fault => (string?)Body?["code"] ?? "";
}
