using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Serverless.Faults;
using Serverless.Local.IotHub;
using Serverless.Local.IotHub.Rest;
using Serverless.Local.Provisioning.Enrollments;

namespace Serverless.Local.Provisioning.Registrations;

/// <summary>What the webhook decided.</summary>
/// <param name="Hub">One of the hubs it was offered.</param>
/// <param name="Twin">The twin to begin with, or null for the enrolment's.</param>
/// <param name="Payload">For the device, or null.</param>
internal sealed record AllocationAnswer(string Hub, InitialTwin? Twin, JsonNode? Payload);

/// <summary>Calls the webhook of custom allocation once a registration: whatever it answers but 200 with a linked hub, refuses.</summary>
/// <remarks>The URL holds a key: it is never counted, logged or shown. How often Azure retries is not documented, so nothing is retried.</remarks>
/// <param name="http">Follows no redirect: a redirect would take the key elsewhere.</param>
/// <param name="timeout">For the whole call.</param>
/// <param name="wall">Wall time.</param>
internal sealed class AllocationWebhook(HttpClient http, TimeSpan timeout, TimeProvider wall)
{
    private const int AnswerBytesMax = 96 * 1024;

    /// <summary>Asks.</summary>
    /// <param name="webhook">Whom.</param>
    /// <param name="request">See <see cref="Request"/>.</param>
    /// <param name="eligible">What it may choose.</param>
    /// <param name="cancel">The service stops.</param>
    /// <returns>Its decision, or <c>webhook-status</c> (where: the status), <c>webhook-timeout</c>, <c>webhook-unreachable</c>,
    /// <c>webhook-answer</c>, <c>webhook-hub</c>.</returns>
    public async Task<Parsed<AllocationAnswer>> Ask(Webhook webhook, JsonObject request, IReadOnlyList<string> eligible, CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(timeout, wall);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            using var content = new ByteArrayContent(HubJson.Bytes(request)); // with its length: a chunked body never reaches a function
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8");
            using var call = new HttpRequestMessage(HttpMethod.Post, webhook.Url) { Content = content };
            using var answer = await http.SendAsync(call, HttpCompletionOption.ResponseHeadersRead, until.Token).ConfigureAwait(false);
            if (answer.StatusCode != HttpStatusCode.OK) return new Fault("webhook-status", ((int)answer.StatusCode).ToString(CultureInfo.InvariantCulture));
            await answer.Content.LoadIntoBufferAsync(AnswerBytesMax, until.Token).ConfigureAwait(false);
            return Read(await answer.Content.ReadAsByteArrayAsync(until.Token).ConfigureAwait(false), eligible);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            return new Fault("webhook-timeout", "webhookUrl");
        }
        catch (HttpRequestException failed)
        {
            return failed.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded ? new Fault("webhook-answer", "body") : new Fault("webhook-unreachable", "webhookUrl");
        }
    }

    /// <summary>The published request: <c>AllocationRequest</c>.</summary>
    /// <param name="proof">Who registers.</param>
    /// <param name="current">Where it lives, or null.</param>
    /// <param name="payload">What it said, untrusted.</param>
    /// <param name="eligible">What may be chosen.</param>
    /// <remarks>The shape of <c>x509</c> is not published; here it is the certificate's info in the place where enrolments have theirs.</remarks>
    public static JsonObject Request(Access.Attested proof, Assignment? current, JsonNode? payload, IReadOnlyList<string> eligible)
    {
        var context = new JsonObject { ["registrationId"] = proof.RegistrationId };
        if (current is not null)
        {
            context["currentIotHubHostName"] = current.HubHostName;
            context["currentDeviceId"] = current.DeviceId;
        }

        if (proof.Leaf is { } leaf) context["x509"] = new JsonObject { ["clientCertificates"] = new JsonObject { ["primary"] = leaf.Document() } };
        else context["symmetricKey"] = new JsonObject();
        if (payload is not null) context["payload"] = payload.DeepClone();
        return new JsonObject
        {
            [proof.Enrollment.Kind == EnrollmentKind.Individual ? "individualEnrollment" : "enrollmentGroup"] = EnrollmentBody.Document(proof.Enrollment),
            ["deviceRuntimeContext"] = context,
            ["linkedHubs"] = new JsonArray([.. eligible.Select(hub => (JsonNode)hub)]),
        };
    }

    private static Parsed<AllocationAnswer> Read(byte[] body, IReadOnlyList<string> eligible)
    {
        var malformed = new Fault("webhook-answer", "body");
        if (!HubJson.ParseObject(body).TryGet(out var answer, out _)) return malformed;
        // The documentation spells it both ways.
        if (!answer.TryText("iotHubHostName", out var named) || (named is null && !answer.TryText("iotHubHostname", out named))) return malformed;
        if (string.IsNullOrEmpty(named)) return malformed;
        if (!answer.TryObject("initialTwin", out var given) || !TwinsApi.Sections(given ?? []).TryGet(out var twin, out _)) return malformed;
        return eligible.FirstOrDefault(hub => Allocation.Same(hub, named)) is { } hub
            ? new AllocationAnswer(
                hub,
                given is null ? null : new InitialTwin((JsonObject?)twin.Tags?.DeepClone(), (JsonObject?)twin.Desired?.DeepClone()),
                answer["payload"]?.DeepClone())
            : new Fault("webhook-hub", "iotHubHostName");
    }
}
