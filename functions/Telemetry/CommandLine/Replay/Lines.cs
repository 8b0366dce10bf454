using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Serverless.Telemetry.CommandLine.Replay;

/// <summary>The lines of a blob of JSON Lines, one at a time: blobs go up to 1 GiB.</summary>
internal static class Lines
{
    /// <summary>Longest line, in bytes: an append holds at most 4 MiB, and a line is never cut.</summary>
    private const int BytesMax = 4 * 1024 * 1024;

    /// <summary>Reads on to the end.</summary>
    /// <param name="reader">The bytes.</param>
    /// <param name="blob">Named in messages.</param>
    /// <param name="cancel">Stops the reading.</param>
    /// <returns>Lines without their newlines, each valid until the next is asked for.</returns>
    /// <exception cref="InvalidDataException">It ends inside a line, or one is longer than any that was written.</exception>
    public static async IAsyncEnumerable<ReadOnlySequence<byte>> Of(PipeReader reader, string blob, [EnumeratorCancellation] CancellationToken cancel)
    {
        for (var more = true; more;)
        {
            var read = await reader.ReadAsync(cancel).ConfigureAwait(false);
            var rest = read.Buffer;
            while (rest.PositionOf((byte)'\n') is { } end)
            {
                yield return rest.Slice(0, end);
                rest = rest.Slice(rest.GetPosition(1, end));
            }

            more = !read.IsCompleted;
            if ((!more && !rest.IsEmpty) || rest.Length > BytesMax) throw new InvalidDataException($"blob '{blob}' {(more ? "has a line over 4 MiB" : "ends inside a line")}");
            reader.AdvanceTo(rest.Start, rest.End);
        }
    }
}
