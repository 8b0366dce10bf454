using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Serverless.Lifecycle.Endings;

namespace Serverless.Lifecycle.CommandLine;

/// <summary><c>lifecycle verify STATEMENT PUBLIC-KEY</c>: verifies a statement of death offline. STATEMENT is a file with the compact JWS, or with
/// the API's answer; PUBLIC-KEY is a PEM file the reader trusts.</summary>
internal static class VerifyCommand
{
    private const int KeyBytesMax = 16 * 1024;

    /// <summary>Runs it.</summary>
    /// <returns>0 and the statement on stdout when it holds; 1 and the fault on stderr when it does not; 2 for wrong usage.</returns>
    public static int Run(string[] args, TextWriter output, TextWriter errors)
    {
        ArgumentNullException.ThrowIfNull(args);
        if (args is not ["verify", var statement, var publicKey])
        {
            errors.WriteLine("usage: lifecycle verify STATEMENT PUBLIC-KEY");
            return 2;
        }

        try
        {
            using var key = ECDsa.Create();
            key.ImportFromPem(Read(publicKey, KeyBytesMax));
            if (key.KeySize != 256)
            {
                errors.WriteLine("the key is not on P-256");
                return 1;
            }

            if (!DeathStatement.Verify(Statement(Read(statement, 4 * 1024 * 1024)), key).TryGet(out var said, out var fault))
            {
                errors.WriteLine(fault);
                return 1;
            }

            output.WriteLine(said.GetRawText());
            return 0;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or ArgumentException or CryptographicException)
        {
            errors.WriteLine(unreadable.Message);
            return 2;
        }
    }

    // What GET api/devices/{id}/death-certificate answers holds the statement as a member.
    private static string Statement(string text)
    {
        var trimmed = text.Trim();
        if (!trimmed.StartsWith('{')) return trimmed;
        try
        {
            using var answer = JsonDocument.Parse(trimmed, new JsonDocumentOptions { MaxDepth = 8 });
            return answer.RootElement.TryGetProperty("statement", out var member) && member.ValueKind == JsonValueKind.String ? member.GetString()! : "";
        }
        catch (JsonException)
        {
            return "";
        }
    }

    private static string Read(string path, int bytesMax)
    {
        using var file = File.OpenRead(path);
        if (file.Length > bytesMax) throw new IOException($"{path} is longer than {bytesMax} bytes");
        using var reader = new StreamReader(file, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
