using System.Globalization;
using Serverless.Local.FunctionsHost.App;

namespace Serverless.Local.FunctionsHost.Handler;

/// <summary>The environment a handler gets: the app settings and what the real host adds.</summary>
internal static class HandlerEnvironment
{
    public static IReadOnlyDictionary<string, string> For(AppFolder app, FunctionsHostOptions options, Uri front, int port, Guid workerId)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["AzureWebJobsScriptRoot"] = app.Folder,
            ["FUNCTIONS_EXTENSION_VERSION"] = "~4",
            ["FUNCTIONS_WORKER_RUNTIME"] = "custom",
            ["WEBSITE_HOSTNAME"] = front.Authority,
        };
        foreach (var (name, value) in options.AppSettings) environment[name] = value;
        var portText = port.ToString(CultureInfo.InvariantCulture);
        environment["FUNCTIONS_APP_ROOT_PATH"] = app.Folder;
        environment["FUNCTIONS_CUSTOMHANDLER_PORT"] = portText;
        environment["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"] = workerId.ToString();
        environment["FUNCTIONS_HTTPWORKER_ID"] = workerId.ToString();
        environment["FUNCTIONS_HTTPWORKER_PORT"] = portText;
        // The one thing that a laptop adds: whom to trust. In Azure the services' certificates are public.
        if (options.Authority is { } authority) environment["SSL_CERT_FILE"] = authority.PemPath;
        return environment;
    }
}
