using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Rest;

/// <summary>Which page of a query is asked for. The token is the last id of the page before: stable while items come and go.</summary>
/// <param name="Size">Items, 1 to 1,000.</param>
/// <param name="After">Id of the last item of the page before; <see langword="null"/> for the first page.</param>
internal sealed record PageRequest(int Size, string? After)
{
    private const int SizeMax = 1000;
    private const int SizeDefault = 100;

    /// <summary>Reads headers <c>x-ms-max-item-count</c> and <c>x-ms-continuation</c>.</summary>
    /// <returns>It, or <c>argument-invalid</c>.</returns>
    public static Parsed<PageRequest> Read(HttpContext http)
    {
        var (count, token) = (http.Request.Headers["x-ms-max-item-count"].ToString(), http.Request.Headers["x-ms-continuation"].ToString());
        var size = SizeDefault;
        if (count.Length > 0 && (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out size) || size is < 1 or > SizeMax)) return new Fault("argument-invalid", "x-ms-max-item-count");
        if (token.Length == 0) return new PageRequest(size, null);
        var bytes = new byte[token.Length];
        return Convert.TryFromBase64String(token, bytes, out var written)
            ? new PageRequest(size, Encoding.UTF8.GetString(bytes, 0, written))
            : new Fault("argument-invalid", "x-ms-continuation");
    }

    /// <summary>The token of the page after the one that ends with an item.</summary>
    /// <param name="last">The item's id.</param>
    public static string Token(string last) => Convert.ToBase64String(Encoding.UTF8.GetBytes(last));
}
