using System.Globalization;

namespace Serverless.Local.FunctionsHost.Protocol;

/// <summary>What a function with a retry policy learns about its attempts: <c>Metadata.RetryContext</c>.</summary>
/// <param name="RetryCount">0 for the first attempt.</param>
/// <param name="MaxRetryCount">Of the policy; -1 for ever.</param>
/// <param name="Failure">Why the attempt before failed.</param>
internal sealed record RetryContext(int RetryCount, int MaxRetryCount, AttemptFailure? Failure)
{
    public string Json
    {
        get
        {
            var text = new HostText(1024)
                .Raw("{"u8).Name("RetryCount").Number(RetryCount)
                .Raw(","u8).Name("MaxRetryCount").Number(MaxRetryCount)
                .Raw(","u8).Name("Exception");
            if (Failure is null) text.Raw("null"u8);
            else Failure.WriteTo(text);
            return text.Raw(""","Instance":null,"State":{}}"""u8).ToString();
        }
    }
}

/// <summary>A failed attempt in the words of the real host's serialized exception. The stack traces are our own host's in name only:
/// they stay empty, and no handler may read them.</summary>
/// <param name="InvocationId">Of the attempt.</param>
/// <param name="Function">The function.</param>
/// <param name="StatusCode">HTTP status of the handler's answer, if it gave one.</param>
/// <param name="Message">Why it failed.</param>
internal sealed record AttemptFailure(Guid InvocationId, string Function, int? StatusCode, string Message)
{
    private const int ExceptionResult = -2146233088; // COR_E_EXCEPTION

    public void WriteTo(HostText text)
    {
        text.Raw("{"u8).Name("InstanceId").Text(InvocationId.ToString())
            .Raw(","u8).Name("MethodName").Text("Host.Functions." + Function)
            .Raw(""","Handled":false,"ClassName":"Microsoft.Azure.WebJobs.Host.FunctionInvocationException","Message":"""u8)
            .Text("Exception while executing function: Functions." + Function)
            .Raw(""","Data":null,"InnerException":{"HttpRequestError":0,"StatusCode":"""u8)
            .Raw(StatusCode?.ToString(CultureInfo.InvariantCulture) ?? "null")
            .Raw(","u8).Name("Message").Text(Message)
            .Raw(""","Data":{},"InnerException":null,"HelpLink":null,"Source":"System.Net.Http","HResult":"""u8).Number(ExceptionResult)
            .Raw(""","StackTrace":""},"HelpURL":null,"StackTraceString":"","RemoteStackTraceString":null,"RemoteStackIndex":0,"ExceptionMethod":null,"HResult":"""u8)
            .Number(ExceptionResult)
            .Raw(""","Source":"System.Private.CoreLib","WatsonBuckets":null}"""u8);
    }
}
