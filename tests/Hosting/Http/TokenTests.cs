using System.Security.Cryptography;

namespace Serverless.Hosting.Tests;

public class TokenTests
{
    [Theory] // v1.0 tokens name the security token service, v2.0 tokens the authority; the discovery document says which
    [InlineData("https://sts.windows.net/11111111-1111-1111-1111-111111111111/")]
    [InlineData("https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0")]
    public async Task A_token_of_the_tenant_with_the_role_is_let_in(string issuer)
    {
        await using var server = await HttpServer.Start(issuer);
        var answer = await server.Get("/api/fleet", server.Tenant.Token([Role.FleetRead]));
        Assert.Equal((200, "fleet"), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task No_token_is_token_missing()
    {
        await using var server = await HttpServer.Start();
        var answer = await server.Get("/api/fleet", null);
        Assert.Equal((401, "token-missing"), (answer.Status, answer.Code));
        Assert.Equal("Bearer", answer.Headers["WWW-Authenticate"]);
        Assert.Equal("application/problem+json", answer.Headers["Content-Type"]);
    }

    [Fact]
    public async Task A_route_that_names_no_role_still_needs_a_token()
    {
        await using var server = await HttpServer.Start();
        Assert.Equal(401, (await server.Get("/api/anyone", null)).Status);
        Assert.Equal(200, (await server.Get("/api/anyone", server.Tenant.Token())).Status);
    }

    [Fact]
    public async Task Another_role_is_role_missing()
    {
        await using var server = await HttpServer.Start();
        foreach (var roles in new string[]?[] { null, [], [Role.DeviceEnroll], ["fleet.read"], ["Fleet.Read.All"], ["Fleet.Read,Device.Enroll"] })
        {
            var answer = await server.Get("/api/fleet", server.Tenant.Token(roles));
            Assert.Equal((403, "role-missing"), (answer.Status, answer.Code));
        }
    }

    [Fact]
    public async Task A_tenant_that_does_not_answer_is_an_outage_and_no_fault_of_the_token()
    {
        await using var server = await HttpServer.Start();
        server.Tenant.IsAway = true;
        var answer = await server.Get("/api/anyone", server.Tenant.Token());
        Assert.Equal((503, "outage"), (answer.Status, answer.Code));
        Assert.Equal("5", answer.Headers["Retry-After"]);
        Assert.Equal("token-missing", (await server.Get("/api/anyone", null)).Code);
        server.Tenant.IsAway = false;
        Assert.Equal(200, (await server.Get("/api/anyone", server.Tenant.Token())).Status);
        server.Tenant.IsAway = true; // its keys are known now
        Assert.Equal(200, (await server.Get("/api/anyone", server.Tenant.Token())).Status);
    }

    [Fact]
    public async Task An_expired_token_is_token_expired_once_the_skew_is_over()
    {
        await using var server = await HttpServer.Start();
        Assert.Equal(200, (await server.Get("/api/anyone", server.Tenant.Token(age: TimeSpan.FromMinutes(61)))).Status); // two minutes of skew
        var answer = await server.Get("/api/anyone", server.Tenant.Token(age: TimeSpan.FromMinutes(63)));
        Assert.Equal((401, "token-expired"), (answer.Status, answer.Code));
        Assert.Equal("Bearer error=\"invalid_token\"", answer.Headers["WWW-Authenticate"]);
    }

    [Fact]
    public async Task A_token_for_another_audience_is_token_audience()
    {
        await using var server = await HttpServer.Start();
        foreach (var audience in new[] { "https://vault.azure.net", "api://serverless/", "api://Serverless", "" })
        {
            var answer = await server.Get("/api/anyone", server.Tenant.Token(audience: audience));
            Assert.Equal(401, answer.Status);
            Assert.Equal("token-audience", answer.Code);
        }
    }

    [Fact]
    public async Task Forged_tokens_are_token_invalid_and_nothing_of_them_comes_back()
    {
        await using var server = await HttpServer.Start();
        using var other = RSA.Create(2048);
        var tenant = server.Tenant;
        var good = tenant.Token([Role.DeviceEnroll]);
        (string Attack, string Token)[] forgeries =
        [
            ("alg none", tenant.Forged("""{"alg":"none","typ":"JWT"}""", "")),
            ("alg none, signature kept", tenant.Forged("""{"alg":"none","typ":"JWT"}""", good.Split('.')[2])),
            ("alg NoNe", tenant.Forged("""{"alg":"NoNe","typ":"JWT"}""", "")),
            ("alg HS256 under the public key", tenant.SignedWithPublicKeyAsSecret()),
            ("another key under the same kid", tenant.Token([Role.DeviceEnroll], key: other)),
            ("another issuer", tenant.Token([Role.DeviceEnroll], issuer: "https://sts.windows.net/99999999-9999-9999-9999-999999999999/")),
            ("not yet valid", tenant.Token([Role.DeviceEnroll], age: TimeSpan.FromMinutes(-10))),
            ("claims changed after signing", $"{good.Split('.')[0]}.{tenant.Token([Role.FleetRead]).Split('.')[1]}.{good.Split('.')[2]}"),
            ("not a token", "<script>alert(1)</script>"),
            ("empty", ""),
            ("five parts", "a.b.c.d.e"),
            ("huge", new string('a', 8000)),
        ];
        foreach (var (attack, token) in forgeries)
        {
            var answer = await server.Get("/api/anyone", token);
            Assert.True(answer.Status == 401, attack);
            Assert.True(answer.Code is "token-invalid" or "token-missing" or "token-expired", $"{attack}: {answer.Code}");
            Assert.DoesNotContain("script", answer.Body + answer.Headers["WWW-Authenticate"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_token_that_never_ends_is_refused()
    {
        await using var server = await HttpServer.Start();
        var answer = await server.Get("/api/anyone", server.Tenant.Token(expires: false));
        Assert.Equal((401, "token-invalid"), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task A_refused_caller_is_logged_with_route_and_code_and_without_the_token()
    {
        await using var server = await HttpServer.Start();
        var token = server.Tenant.Token([Role.DeviceEnroll]);
        await server.Get("/api/fleet?code=function-key", token);
        var logged = Assert.Single(server.Edge.Logged(1020));
        Assert.Equal("role-missing", logged.GetProperty("fields").GetProperty("Code").GetString());
        Assert.Equal("22222222-2222-2222-2222-222222222222", logged.GetProperty("fields").GetProperty("Caller").GetString());
        Assert.Equal("HTTP: GET api/fleet", logged.GetProperty("fields").GetProperty("Route").GetString());
        Assert.DoesNotContain(server.Edge.Log, line => line.GetRawText().Contains("function-key", StringComparison.Ordinal) || line.GetRawText().Contains(token[^20..], StringComparison.Ordinal));
    }
}
