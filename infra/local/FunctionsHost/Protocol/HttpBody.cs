namespace Serverless.Local.FunctionsHost.Protocol;

/// <summary>An HTTP request as the host sees it before it turns it into JSON.</summary>
/// <param name="Url">As received, display form.</param>
/// <param name="Method">HTTP method.</param>
/// <param name="Query">Parameters in order, each with its values.</param>
/// <param name="Headers">Headers in the server's order, each with its values.</param>
/// <param name="Parameters">Route parameters of the template in order; <see langword="null"/> where an optional one is missing.</param>
/// <param name="Body">The body, or <see langword="null"/> if no Content-Length above 0 came (chunked bodies are lost: a trap).</param>
/// <param name="ContentType">Media type of the body.</param>
internal sealed record InboundHttp(
    string Url,
    string Method,
    IReadOnlyList<KeyValuePair<string, string[]>> Query,
    IReadOnlyList<KeyValuePair<string, string[]>> Headers,
    IReadOnlyList<KeyValuePair<string, object?>> Parameters,
    byte[]? Body,
    string? ContentType);

/// <summary>The request of an HTTP trigger in default mode.</summary>
internal static class HttpBody
{
    private static readonly byte[] Nobody =
        """[{"AuthenticationType":null,"IsAuthenticated":false,"Actor":null,"BootstrapContext":null,"Claims":[],"Label":null,"Name":null,"NameClaimType":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name","RoleClaimType":"http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}]"""u8.ToArray();

    public static HostText Write(string binding, InboundHttp http, Sys sys)
    {
        var text = new HostText(4096 + (http.Body?.Length ?? 0) * 2)
            .Raw("""{"Data":{"""u8).Name(binding)
            .Raw("{"u8).Name("Url").Text(http.Url)
            .Raw(","u8).Name("Method").Text(http.Method)
            .Raw(","u8).Name("Query").Members(http.Query.Select(item => Pair(item.Key, string.Join(',', item.Value))))
            .Raw(","u8).Name("Headers").Raw("{"u8);
        for (var index = 0; index < http.Headers.Count; index++)
        {
            if (index > 0) text.Raw(","u8);
            text.Name(http.Headers[index].Key).Raw("["u8);
            for (var value = 0; value < http.Headers[index].Value.Length; value++)
            {
                if (value > 0) text.Raw(","u8);
                text.Text(http.Headers[index].Value[value]);
            }

            text.Raw("]"u8);
        }

        text.Raw("},"u8).Name("Params").Members(http.Parameters).Raw(","u8).Name("Identities").Raw(Nobody);
        if (http.Body is { Length: > 0 })
        {
            text.Raw(","u8).Name("Body");
            if (IsBinary(http.ContentType)) text.Base64(http.Body);
            else text.Text(System.Text.Encoding.UTF8.GetString(http.Body));
        }

        text.Raw("""}},"Metadata":"""u8);
        Meta(http, sys).WriteTo(text);
        return text.Raw("}"u8);
    }

    private static Metadata Meta(InboundHttp http, Sys sys)
    {
        var metadata = new Metadata();
        if (http.Body is { Length: > 0 } && !IsBinary(http.ContentType))
        {
            foreach (var (name, json) in BodyMembers.Of(http.Body)) metadata.AddIfNew(name, json);
        }

        foreach (var (name, values) in http.Query) metadata.AddIfNew(name, BodyMembers.Scalar(values[^1]));
        foreach (var (name, value) in http.Parameters)
        {
            if (value is string text) metadata.AddIfNew(name, BodyMembers.Scalar(text));
        }

        return metadata
            .AddIfNew("Query", LastValues(http.Query))
            .AddIfNew("Headers", LastValues(http.Headers))
            .PutSys(sys);
    }

    private static string LastValues(IEnumerable<KeyValuePair<string, string[]>> items) =>
        new HostText().Members(items.Select(item => Pair(item.Key, item.Value[^1]))).ToString();

    private static KeyValuePair<string, object?> Pair(string name, string value) => new(name, value);

    private static bool IsBinary(string? contentType) =>
        contentType is not null
        && (contentType.StartsWith("application/octet-stream", StringComparison.OrdinalIgnoreCase)
            || contentType.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase));
}
