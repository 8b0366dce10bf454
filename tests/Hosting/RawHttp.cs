using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Serverless.Hosting.Tests;

/// <summary>An answer as it came over the wire.</summary>
internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public string? Code => Body.StartsWith('{') ? System.Text.Json.JsonDocument.Parse(Body).RootElement.TryGetProperty("code", out var code) ? code.GetString() : null : null;
}

/// <summary>HTTP over a bare socket: an HTTP client would clean up what these tests must send dirty.</summary>
internal static class RawHttp
{
    public static async Task<RawAnswer> Send(int port, string head, ReadOnlyMemory<byte> body = default)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, cancel);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(head.ReplaceLineEndings("\r\n")), cancel);
        try
        {
            await stream.WriteAsync(body, cancel);
        }
        catch (IOException)
        {
            // The server may answer and close before it has taken a body it refuses.
        }

        return await Receive(stream);
    }

    public static async Task<RawAnswer> Receive(Stream stream)
    {
        using var all = new MemoryStream();
        var buffer = new byte[8192];
        while (Complete(all) is not { } answer)
        {
            int read;
            try
            {
                read = await stream.ReadAsync(buffer, TestContext.Current.CancellationToken);
            }
            catch (IOException)
            {
                read = 0;
            }

            if (read == 0) return all.Length == 0 ? new RawAnswer(0, new Dictionary<string, string>(), "") : throw new IOException($"cut off: {Encoding.UTF8.GetString(all.ToArray())}");
            all.Write(buffer, 0, read);
            continue;
        }

        return Complete(all)!;
    }

    /// <summary>Chunked framing, as the host sends bodies.</summary>
    public static byte[] Chunked(ReadOnlySpan<byte> body, int size = 4096)
    {
        using var framed = new MemoryStream();
        for (; !body.IsEmpty; body = body[Math.Min(size, body.Length)..])
        {
            var piece = body[..Math.Min(size, body.Length)];
            framed.Write(Encoding.ASCII.GetBytes(piece.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n"));
            framed.Write(piece);
            framed.Write("\r\n"u8);
        }

        framed.Write("0\r\n\r\n"u8);
        return framed.ToArray();
    }

    private static RawAnswer? Complete(MemoryStream all)
    {
        var bytes = all.GetBuffer().AsSpan(0, (int)all.Length);
        var end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0) return null;
        var lines = Encoding.UTF8.GetString(bytes[..end]).Split("\r\n");
        var headers = lines[1..].Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        var body = bytes[(end + 4)..];
        var status = int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture);
        if (headers.TryGetValue("Content-Length", out var length))
        {
            return body.Length < int.Parse(length, CultureInfo.InvariantCulture) ? null : new RawAnswer(status, headers, Encoding.UTF8.GetString(body));
        }

        if (!headers.ContainsKey("Transfer-Encoding")) return new RawAnswer(status, headers, "");
        return Unchunked(body) is { } whole ? new RawAnswer(status, headers, Encoding.UTF8.GetString(whole)) : null;
    }

    private static byte[]? Unchunked(ReadOnlySpan<byte> framed)
    {
        using var whole = new MemoryStream();
        while (true)
        {
            var line = framed.IndexOf("\r\n"u8);
            if (line < 0) return null;
            var size = int.Parse(Encoding.ASCII.GetString(framed[..line]), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            framed = framed[(line + 2)..];
            if (framed.Length < size + 2) return null;
            if (size == 0) return whole.ToArray();
            whole.Write(framed[..size]);
            framed = framed[(size + 2)..];
        }
    }
}
