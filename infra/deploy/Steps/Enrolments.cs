using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;

namespace Serverless.Deploy.Steps;

/// <summary>Enrolments of one DPS instance, as far as the webhook's URL goes (service API 2021-10-01).</summary>
/// <param name="http">Speaks HTTP.</param>
/// <param name="host">Host of the service API.</param>
/// <param name="token">Access token; secret.</param>
/// <param name="around">Clock and patience.</param>
public sealed class Enrolments(HttpClient http, string host, string token, Surroundings around)
{
    /// <summary>Individual enrolments and groups, by their path.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["enrollments", "enrollmentGroups"];

    private const string Version = "api-version=2021-10-01";
    private const string HookVersion = "2021-10-01"; // shape of the webhook's request
    private const int PageSize = 100;

    /// <summary>Every enrolment whose allocation is custom.</summary>
    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    /// <param name="cancel">Ends it.</param>
    public async IAsyncEnumerable<(string Id, JsonObject Record)> Custom(string kind, [EnumeratorCancellation] CancellationToken cancel)
    {
        string? more = null;
        do
        {
            using var answer = await Send(
                () =>
                {
                    var request = Request(HttpMethod.Post, $"{kind}/query", new JsonObject { ["query"] = "SELECT * FROM enrollments" });
                    request.Headers.Add("x-ms-max-item-count", PageSize.ToString(System.Globalization.CultureInfo.InvariantCulture));
                    if (more is not null) request.Headers.Add("x-ms-continuation", more);
                    return request;
                },
                cancel).ConfigureAwait(false);
            more = answer.Headers.TryGetValues("x-ms-continuation", out var values) ? values.Single() : null;
            var page = JsonNode.Parse(await answer.Content.ReadAsStringAsync(cancel).ConfigureAwait(false))!.AsArray();
            foreach (var record in page.OfType<JsonObject>().Where(one => (string?)one["allocationPolicy"] == "custom"))
            {
                yield return ((string?)record["registrationId"] ?? (string)record["enrollmentGroupId"]!, record);
            }
        }
        while (!string.IsNullOrEmpty(more));
    }

    /// <summary>Writes the webhook's URL into one enrolment, and looks that nothing else changed.</summary>
    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    /// <param name="id">Its id.</param>
    /// <param name="record">As read.</param>
    /// <param name="url">The URL with its key; secret.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>False if the enrolment proves by something whose secret would be lost, and was left alone.</returns>
    public async Task<bool> Name(string kind, string id, JsonObject record, Uri url, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(url);
        if ((string?)record["attestation"]?["type"] != "x509") return false;
        var next = (JsonObject)record.DeepClone();
        foreach (var told in new[] { "registrationState", "createdDateTimeUtc", "lastUpdatedDateTimeUtc" }) next.Remove(told); // the service's own words
        next["customAllocationDefinition"] = new JsonObject { ["webhookUrl"] = url.ToString(), ["apiVersion"] = HookVersion };
        var path = $"{kind}/{Uri.EscapeDataString(id)}";
        using var answer = await Send(
            () =>
            {
                var request = Request(HttpMethod.Put, path, next);
                request.Headers.TryAddWithoutValidation("If-Match", (string?)record["etag"]);
                return request;
            },
            cancel).ConfigureAwait(false);
        using var again = await Send(() => Request(HttpMethod.Get, path, null), cancel).ConfigureAwait(false);
        var now = JsonNode.Parse(await again.Content.ReadAsStringAsync(cancel).ConfigureAwait(false));
        foreach (var kept in new[] { "attestation", "provisioningStatus", "allocationPolicy", "iotHubs" })
        {
            if (!JsonNode.DeepEquals(record[kept], now?[kept])) throw new DeployException($"enrolment {id}: '{kept}' changed while the webhook was written; stop and look before going on");
        }

        return true;
    }

    private HttpRequestMessage Request(HttpMethod method, string path, JsonObject? body)
    {
        var request = new HttpRequestMessage(method, new Uri($"https://{host}/{path}?{Version}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (body is not null) request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        return request;
    }

    private async Task<HttpResponseMessage> Send(Func<HttpRequestMessage> make, CancellationToken cancel)
    {
        for (var tried = 1; ; tried++)
        {
            using var request = make();
            var answer = await http.SendAsync(request, cancel).ConfigureAwait(false);
            if (answer.IsSuccessStatusCode) return answer;
            using (answer)
            {
                // 1,000 operations a minute; a role assignment that is not known yet answers 401 or 403.
                var wait = answer.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden || (int)answer.StatusCode >= 500;
                if (!wait || tried >= around.Tries)
                {
                    throw new DeployException($"DPS answered {(int)answer.StatusCode} to {request.Method} {request.RequestUri!.AbsolutePath}" + (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
                        ? ": you need the role 'DPS enrolment operator' of this deployment on the DPS instance"
                        : answer.StatusCode == HttpStatusCode.PreconditionFailed ? ": somebody changed the enrolment meanwhile; run this again" : ""));
                }

                await Task.Delay(answer.Headers.RetryAfter?.Delta ?? around.Pause, around.Clock, cancel).ConfigureAwait(false);
            }
        }
    }
}
