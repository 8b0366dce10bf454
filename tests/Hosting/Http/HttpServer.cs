using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;

namespace Serverless.Hosting.Tests;

/// <summary>An app with a few HTTP functions, one for each thing the edge must do around them.</summary>
internal sealed class HttpServer : IAsyncDisposable
{
    public const int BytesMax = 64;

    private HttpServer(TestTenant tenant, EdgeServer edge) => (Tenant, Edge) = (tenant, edge);

    public TestTenant Tenant { get; }

    public EdgeServer Edge { get; }

    public static async Task<HttpServer> Start(string? issuer = null, params string[] args)
    {
        var tenant = issuer is null ? await TestTenant.Start() : await TestTenant.Start(issuer);
        return new HttpServer(tenant, await EdgeServer.Start(app => app.Http(routes =>
        {
            routes.MapPost("api/devices", async (HttpRequest request, CancellationToken cancel) =>
                (await request.ReadBounded(BytesMax, TimeSpan.FromSeconds(1), cancel)).TryGet(out var body, out var fault)
                    ? Results.Text($"{body.Length} bytes")
                    : Answer.Refuse(fault)).RequireRole(Role.DeviceEnroll);
            routes.MapGet("api/fleet", () => "fleet").RequireRole(Role.FleetRead, Role.IncidentRespond);
            routes.MapGet("api/anyone", () => "some caller");
            routes.MapGet("api/unread/{id}", (string id) => Answer.Refuse(new Fault("incident-unknown", "id")));
            routes.MapGet("api/outage", IResult () => throw new IOException("https://vault.example/?code=secret is down"));
            routes.MapGet("api/bug", IResult () => throw new InvalidOperationException("stack"));
            routes.MapPost("api/v1/fwd/{id}", (string id, int q, HttpRequest request) => $"{id} {q} {request.ContentLength}").AllowAnonymous();
        }), [.. tenant.Settings, .. args]));
    }

    public Task<RawAnswer> Get(string path, string? token, string more = "") =>
        RawHttp.Send(Edge.Port, $"GET {path} HTTP/1.1\r\nHost: app.example.net\r\n{Bearer(token)}{more}\r\n");

    public Task<RawAnswer> Post(string path, string? token, string headers, byte[] body) =>
        RawHttp.Send(Edge.Port, $"POST {path} HTTP/1.1\r\nHost: app.example.net\r\n{Bearer(token)}{headers}\r\n", body);

    public async ValueTask DisposeAsync()
    {
        await Edge.DisposeAsync();
        await Tenant.DisposeAsync();
    }

    private static string Bearer(string? token) => token is null ? "" : $"Authorization: Bearer {token}\r\n";
}
