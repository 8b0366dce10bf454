namespace Serverless.Enrollment.SubmitBatch;

/// <summary>Where batches are kept. Thread-safe. Outages are exceptions, after which a write may have landed.</summary>
/// <remarks>In container <c>enrollment</c>: <c>batches/{id}/rows</c> as submitted, <c>batches/{id}/state.json</c>,
/// <c>batches/{id}/results.jsonl</c> (append blob), and <c>open/{id}</c> for those not finished.</remarks>
internal interface IBatches
{
    /// <summary>Keeps the rows; over what is there, which is the same.</summary>
    Task SaveRows(string id, Stream rows, CancellationToken cancel);

    /// <summary>Opens the rows from an offset on.</summary>
    Task<Stream> OpenRows(string id, long from, CancellationToken cancel);

    /// <summary>The state and its version, or <see langword="null"/>.</summary>
    Task<(BatchState State, string Version)?> Get(string id, CancellationToken cancel);

    /// <summary>Stores a state if the version is still the one read; <see langword="null"/> for none yet.</summary>
    /// <returns>The new version, or <see langword="null"/> when somebody was faster.</returns>
    Task<string?> Put(BatchState state, string? version, CancellationToken cancel);

    /// <summary>Appends to the results if they are exactly so long.</summary>
    /// <returns>Whether they were.</returns>
    Task<bool> Append(string id, ReadOnlyMemory<byte> lines, long position, CancellationToken cancel);

    /// <summary>Opens the results from an offset on; empty when there are none.</summary>
    Task<Stream> OpenResults(string id, long from, CancellationToken cancel);

    /// <summary>Puts a batch among the open ones. Twice is once.</summary>
    Task Open(string id, CancellationToken cancel);

    /// <summary>Takes a batch from the open ones. Twice is once.</summary>
    Task Close(string id, CancellationToken cancel);

    /// <summary>Ids of the open ones.</summary>
    Task<IReadOnlyList<string>> ListOpen(CancellationToken cancel);
}
