using Azure.Core;

namespace Serverless.KeyVault;

/// <summary>How the client talks. The transport, diagnostics and retry settings are Azure.Core's; contents are never logged.</summary>
public sealed class KeyVaultClientOptions : ClientOptions
{
    /// <summary>The version of the REST API, 2025-07-01: the one of Microsoft's client 4.10.2, against which the requests are held.</summary>
    public const string ApiVersion = "2025-07-01";

    /// <summary>Retries 5 times after 1, 2, 4, 8 and 16 s, jittered, or after what <c>Retry-After</c> says if that is longer.</summary>
    public KeyVaultClientOptions()
    {
        Retry.Mode = RetryMode.Exponential;
        Retry.MaxRetries = 5;
        Retry.Delay = TimeSpan.FromSeconds(1);
        Retry.MaxDelay = TimeSpan.FromSeconds(16);
        Retry.NetworkTimeout = TimeSpan.FromSeconds(10);
        Diagnostics.IsLoggingContentEnabled = false;
    }

    /// <summary>Wall time for one call with all its retries; then it is an outage. Default 60 s, which covers the five waits.</summary>
    public TimeSpan Bound { get; set; } = TimeSpan.FromSeconds(60);
}
