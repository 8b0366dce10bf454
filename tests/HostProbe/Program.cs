using System.Diagnostics;
using System.Globalization;
using System.Text;
using Serverless.Local.Processes;

if (args is ["hold", var scratch])
{
    // A parent with a child: prints the child's id and waits to be killed.
    await using var child = ChildProcess.Start(new ChildSpec("held", "sleep", ["600"]) { Scratch = scratch });
    Console.WriteLine(child.Id);
    await Task.Delay(Timeout.Infinite);
}

// A custom handler for tests: it writes down every request it gets and answers as a file tells it to.
//   PROBE_FOLDER/requests/{time}-{n}-{process}-{function}.txt   request line, headers, empty line, body
//   PROBE_FOLDER/{function}.mode               how to answer: see Answer below; "ok" without a file
var folder = Environment.GetEnvironmentVariable("PROBE_FOLDER") ?? throw new InvalidOperationException("PROBE_FOLDER is not set");
var requests = Directory.CreateDirectory(Path.Combine(folder, "requests")).FullName;
var count = 0;
Console.WriteLine("probe starts");
Console.Error.WriteLine("probe complains");
File.WriteAllLines(Path.Combine(folder, "environment.txt"), Environment.GetEnvironmentVariables().Keys.Cast<string>().Order(StringComparer.Ordinal).Select(name => $"{name}={Environment.GetEnvironmentVariable(name)}"));
if (File.Exists(Path.Combine(folder, "start.mode")) && File.ReadAllText(Path.Combine(folder, "start.mode")).Trim() == "crash")
{
    Console.Error.WriteLine("probe was told to crash at start");
    return 3;
}

var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
builder.WebHost.UseKestrelCore();
var port = int.Parse(Environment.GetEnvironmentVariable("FUNCTIONS_CUSTOMHANDLER_PORT")!, CultureInfo.InvariantCulture);
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.Limits.MaxRequestBodySize = null;
    kestrel.ListenLocalhost(port);
});
var app = builder.Build();
app.Run(async http =>
{
    if (http.Request.Path == "/" && HttpMethods.IsGet(http.Request.Method)) return;
    var body = await new StreamReader(http.Request.Body).ReadToEndAsync();
    var function = http.Request.Path.Value!.Split('/')[^1];
    await Record(http.Request, function, body);
    await Answer(http, function);
});
app.Run();
return 0;

async Task Record(HttpRequest request, string function, string body)
{
    var number = Interlocked.Increment(ref count);
    var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{request.Method} {request.Path}{request.QueryString} {request.Protocol}\n");
    foreach (var (name, values) in request.Headers) text.Append(CultureInfo.InvariantCulture, $"{name}: {values}\n");
    text.Append('\n').Append(body);
    var path = Path.Combine(requests, string.Create(CultureInfo.InvariantCulture, $"{TimeProvider.System.GetUtcNow().UtcTicks}-{number:00000}-{Environment.ProcessId}-{function}.txt"));
    await File.WriteAllTextAsync(path + ".part", text.ToString());
    File.Move(path + ".part", path);
}

// ok | status:N | empty | null | text | broken | crash | hang | fail:N (500 to the first N requests) | output:{json} | return:{json} | plain:{status}
async Task Answer(HttpContext http, string function)
{
    var file = Path.Combine(folder, function + ".mode");
    var mode = (File.Exists(file) ? await File.ReadAllTextAsync(file) : "ok").Trim();
    var argument = mode.Contains(':', StringComparison.Ordinal) ? mode[(mode.IndexOf(':', StringComparison.Ordinal) + 1)..] : "";
    switch (mode.Split(':')[0])
    {
        case "status":
            http.Response.StatusCode = int.Parse(argument, CultureInfo.InvariantCulture);
            return;
        case "fail":
            var seen = Directory.GetFiles(requests, $"*-{function}.txt").Length;
            if (seen <= int.Parse(argument, CultureInfo.InvariantCulture))
            {
                http.Response.StatusCode = 500;
                return;
            }

            break;
        case "empty":
            return;
        case "null":
            await Json(http, "null");
            return;
        case "text":
            http.Response.ContentType = "text/plain";
            await http.Response.WriteAsync("{}");
            return;
        case "broken":
            await Json(http, "{\"Outputs\":");
            return;
        case "crash":
            Process.GetCurrentProcess().Kill();
            return;
        case "hang":
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
            return;
        case "output":
            await Json(http, $"{{\"Outputs\":{{\"res\":{argument}}}}}");
            return;
        case "return":
            await Json(http, $"{{\"ReturnValue\":{argument}}}");
            return;
        case "plain":
            http.Response.StatusCode = int.Parse(argument, CultureInfo.InvariantCulture);
            http.Response.Headers["x-from"] = "probe";
            await http.Response.WriteAsync("as it is");
            return;
    }

    await Json(http, "{\"Logs\":[\"probe was here\"]}");
}

static async Task Json(HttpContext http, string text)
{
    http.Response.ContentType = "application/json";
    await http.Response.WriteAsync(text);
}
