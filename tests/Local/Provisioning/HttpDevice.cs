using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Serverless.Local.Tests.IotHub;
using Serverless.Local.Tls;

namespace Serverless.Local.Tests.Provisioning;

/// <summary>A device on DPS's HTTPS API, written from its documentation.</summary>
internal sealed class HttpDevice(ProvisioningFixture dps, string id)
{
    /// <summary>Signs a token with it, as documented.</summary>
    public string? Key { get; init; }

    /// <summary>A token instead.</summary>
    public string? Token { get; init; }

    public X509Certificate2? Leaf { get; init; }

    public string Scope { get; init; } = dps.Service.IdScope;

    private string Base => $"/{Scope}/registrations/{Uri.EscapeDataString(id)}";

    public Task<ServiceAnswer> Register(string? body = null) => Send("PUT", $"{Base}/register", body ?? new JsonObject { ["registrationId"] = id }.ToJsonString());

    public Task<ServiceAnswer> Poll(string operation) => Send("GET", $"{Base}/operations/{operation}", null);

    public Task<ServiceAnswer> Look() => Send("POST", Base, "{}");

    /// <summary>Registers and polls to the end.</summary>
    public async Task<ServiceAnswer> Finish()
    {
        var answer = await Register();
        if (answer.Status != 202) return answer;
        var operation = (string)answer.Json["operationId"]!;
        for (var i = 0; answer.Status is 202 or 429 && i < 100; i++)
        {
            await Task.Delay(10 << Math.Min(i, 6), ProvisioningFixture.Cancel);
            answer = await Poll(operation);
        }

        return answer;
    }

    /// <summary>Registers; the device must be given a hub.</summary>
    public async Task<JsonNode> Assigned()
    {
        var answer = await Finish();
        Assert.Equal((200, "assigned"), (answer.Status, (string?)answer.Json["status"]));
        return answer.Json["registrationState"]!;
    }

    public async Task<ServiceAnswer> Send(string verb, string path, string? body, string query = "?api-version=2019-03-31")
    {
        using var handler = LocalTrust.Handler(ProvisioningFixture.Authority);
        if (Leaf is not null) handler.SslOptions.ClientCertificates = [Leaf];
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => Leaf!;
        using var http = new HttpClient(handler) { BaseAddress = dps.Service.ServiceUri };
        using var request = new HttpRequestMessage(new HttpMethod(verb), path + query);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        var token = Token ?? (Key is null ? null : HubFixture.Sign($"{dps.Service.IdScope}/registrations/{id}", Key, TimeProvider.System.GetUtcNow().AddMinutes(5), "registration"));
        if (token is not null) request.Headers.TryAddWithoutValidation("Authorization", token);
        using var response = await http.SendAsync(request, ProvisioningFixture.Cancel);
        return await ServiceAnswer.Read(response);
    }
}
