using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Serverless.Enrollment.Admission;
using Serverless.Faults;

namespace Serverless.Enrollment.SubmitBatch;

/// <summary>Takes batches in and shows how far they are.</summary>
/// <remarks>Order of a submission: rows, state, mark. A crash before the mark leaves a batch that nobody works on until it is submitted
/// again, which finishes the rest; nothing was answered before.</remarks>
internal sealed class BatchDesk(IBatches batches, TimeProvider clock, ILogger<BatchDesk> log)
{
    /// <summary>Most rows of a batch.</summary>
    public const int RowsMax = 100_000;

    /// <summary>Most bytes of a batch: what the Functions host passes on.</summary>
    public const int BytesMax = 100 * 1024 * 1024;

    private const int Hex = 32;

    /// <summary>Takes a batch in.</summary>
    /// <param name="rows">What was sent; read once, kept on disk meanwhile, never in memory.</param>
    /// <param name="format">How it is written.</param>
    /// <param name="who">The caller.</param>
    /// <param name="cancel">Stops the call.</param>
    /// <returns>The batch: the same as before if the same was submitted before; or <c>body-too-large</c>, <c>batch-empty</c>,
    /// <c>batch-rows</c> (more than 100,000), <c>batch-header</c>.</returns>
    public async Task<Parsed<BatchView>> Submit(Stream rows, RowFormat format, string who, CancellationToken cancel)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Options = FileOptions.DeleteOnClose | FileOptions.Asynchronous };
        var file = new FileStream(Path.Combine(Path.GetTempPath(), $"batch-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}"), options);
        await using (file.ConfigureAwait(false))
        {
            if (await Copy(rows, file, format, cancel).ConfigureAwait(false) is not { } id) return new Fault("body-too-large", "body");
            if (await batches.Get(id, cancel).ConfigureAwait(false) is not { } known)
            {
                file.Position = 0;
                if (!(await Count(file, format, cancel).ConfigureAwait(false)).TryGet(out var counted, out var fault)) return fault;
                file.Position = 0;
                await batches.SaveRows(id, file, cancel).ConfigureAwait(false);
                var fresh = new BatchState(id, format, counted.Columns, counted.Rows, who, clock.GetUtcNow(), counted.First, 0, 0, 0);
                if (await batches.Put(fresh, null, cancel).ConfigureAwait(false) is not null) Log.BatchSubmitted(log, id, fresh.Rows, who);
                known = (await batches.Get(id, cancel).ConfigureAwait(false))!.Value;
            }

            if (known.State.FinishedAt is null) await batches.Open(id, cancel).ConfigureAwait(false);
            return BatchView.Of(known.State, clock.GetUtcNow());
        }
    }

    /// <summary>Shows a batch.</summary>
    /// <returns>The batch, or <c>batch-unknown</c>.</returns>
    public async Task<Parsed<BatchView>> Show(string id, CancellationToken cancel) =>
        IsId(id) && await batches.Get(id, cancel).ConfigureAwait(false) is { } found ? BatchView.Of(found.State, clock.GetUtcNow()) : new Fault("batch-unknown", "id");

    /// <summary>Opens the results there are so far, one line a row.</summary>
    /// <returns>The lines, or <c>batch-unknown</c>.</returns>
    public async Task<Parsed<Stream>> Results(string id, CancellationToken cancel) =>
        IsId(id) && await batches.Get(id, cancel).ConfigureAwait(false) is not null ? await batches.OpenResults(id, 0, cancel).ConfigureAwait(false) : new Fault("batch-unknown", "id");

    /// <summary>An id is part of a blob's name: nothing else may pass.</summary>
    private static bool IsId(string id) => id.Length == Hex && id.All(char.IsAsciiHexDigitLower);

    private static async Task<string?> Copy(Stream from, Stream to, RowFormat format, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes($"batch-1\n{format}\n"));
        var buffer = new byte[64 * 1024];
        var length = 0L;
        while (await from.ReadAsync(buffer, cancel).ConfigureAwait(false) is > 0 and var read)
        {
            if ((length += read) > BytesMax) return null;
            hash.AppendData(buffer, 0, read);
            await to.WriteAsync(buffer.AsMemory(0, read), cancel).ConfigureAwait(false);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..Hex];
    }

    private static async Task<Parsed<(ImmutableArray<string> Columns, long First, int Rows)>> Count(Stream file, RowFormat format, CancellationToken cancel)
    {
        var (columns, first) = (ImmutableArray<string>.Empty, 0L);
        if (format == RowFormat.Csv)
        {
            if (!(await new RowReader(file, format, [], 0).ReadHeader(cancel).ConfigureAwait(false)).TryGet(out var header, out var fault)) return fault;
            (columns, first) = header;
            file.Position = first;
        }

        var reader = new RowReader(file, format, columns, first);
        var rows = 0;
        while (await reader.Skim(cancel).ConfigureAwait(false))
            if (++rows > RowsMax) return new Fault("batch-rows", "body");
        return rows == 0 ? new Fault("batch-empty", "body") : (columns, first, rows);
    }
}
