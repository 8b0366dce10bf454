using System.Net;
using Azure.Core;
using Azure.Identity;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Serverless.Hosting.Tests;

/// <summary>The identity endpoint is known to the client library by environment variables only, which are the process's.</summary>
[CollectionDefinition(nameof(ManagedIdentityTests), DisableParallelization = true)]
[Collection(nameof(ManagedIdentityTests))]
public class ManagedIdentityTests
{
    private const string ClientId = "44444444-4444-4444-4444-444444444444";

    [Fact]
    public async Task A_token_is_asked_of_the_platforms_endpoint_for_the_apps_own_identity()
    {
        string? asked = null;
        string? secret = null;
        await using var platform = await Platform(context =>
        {
            asked = context.Request.QueryString.Value;
            secret = context.Request.Headers["X-IDENTITY-HEADER"];
            var expires = TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeSeconds();
            return context.Response.WriteAsync($$"""{"access_token":"issued","expires_on":"{{expires}}","resource":"https://storage.azure.com","token_type":"Bearer","client_id":"{{ClientId}}"}""");
        });
        var token = await Credential().GetTokenAsync(new TokenRequestContext(["https://storage.azure.com/.default"]), TestContext.Current.CancellationToken);

        Assert.Equal("issued", token.Token);
        Assert.Contains($"client_id={ClientId}", asked, StringComparison.Ordinal);
        Assert.Contains("resource=https://storage.azure.com", Uri.UnescapeDataString(asked!), StringComparison.Ordinal);
        Assert.Equal("platform-secret", secret);
    }

    [Fact]
    public async Task An_identity_that_is_not_assigned_fails_instead_of_becoming_another()
    {
        await using var platform = await Platform(context =>
        {
            context.Response.StatusCode = 400;
            return context.Response.WriteAsync("""{"statusCode":400,"message":"No User Assigned or Delegated Managed Identity found"}""");
        });
        await Assert.ThrowsAnyAsync<AuthenticationFailedException>(async () =>
            await Credential().GetTokenAsync(new TokenRequestContext(["https://vault.azure.net/.default"]), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void The_client_id_is_required_and_must_be_a_GUID()
    {
        var refusal = Assert.Throws<SettingException>(() => ManagedIdentity.Read(new SettingsReader(new ConfigurationBuilder().Build(), "")));
        Assert.Equal("setting AZURE_CLIENT_ID is missing: client id of the app's user-assigned managed identity, a GUID such as 00000000-0000-0000-0000-000000000000", refusal.Message);
    }

    private static TokenCredential Credential() =>
        ManagedIdentity.Read(new SettingsReader(new ConfigurationBuilder().AddInMemoryCollection([new("AZURE_CLIENT_ID", ClientId)]).Build(), "")).Credential();

    private static async Task<WebApplication> Platform(RequestDelegate answer)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.Run(answer);
        await app.StartAsync(TestContext.Current.CancellationToken);
        Environment.SetEnvironmentVariable("IDENTITY_ENDPOINT", app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single() + "/msi/token");
        Environment.SetEnvironmentVariable("IDENTITY_HEADER", "platform-secret");
        return app;
    }
}
