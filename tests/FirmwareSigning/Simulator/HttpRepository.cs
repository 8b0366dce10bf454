using System.Net;
using Serverless.FirmwareSigning.Device.Fetch;

namespace Serverless.FirmwareSigning.Tests.Simulator;

/// <summary>Serves simulated repositories to real clients on the loopback, each under <c>/name/metadata</c> and <c>/name/targets</c>.</summary>
internal sealed class HttpRepository : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Dictionary<string, ITransport> _repositories = [];
    private readonly Task _serving;

    public HttpRepository()
    {
        // HttpListener takes no port 0; a free one is found by asking the system for it.
        using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Base = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        }
        _listener.Prefixes.Add(Base + "/");
        _listener.Start();
        _serving = Task.Run(Serve);
    }

    public string Base { get; }

    public string Add(string name, ITransport repository)
    {
        lock (_repositories) _repositories[name] = repository;
        return $"{Base}/{name}";
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
    }

    private async Task Serve()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            await Answer(context);
        }
    }

    private async Task Answer(HttpListenerContext context)
    {
        try
        {
            var path = context.Request.RawUrl!;
            var slash = path.IndexOf('/', 1);
            ITransport repository;
            lock (_repositories) repository = _repositories[path[1..slash]];
            await using var answer = await repository.Open(new Uri("http://repository.test" + path[slash..]), 0, CancellationToken.None);
            context.Response.StatusCode = answer.Status;
            if (answer.Status == 200 && answer.Length is { } length) context.Response.ContentLength64 = length;
            await answer.Body.CopyToAsync(context.Response.OutputStream);
            context.Response.Close();
        }
        catch (Exception gone) when (gone is HttpListenerException or IOException or InvalidOperationException)
        {
            context.Response.Abort(); // the client hung up, as it should on a hostile answer
        }
    }
}
