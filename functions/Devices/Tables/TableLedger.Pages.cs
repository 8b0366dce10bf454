using System.Globalization;
using System.Text;
using Azure;
using Azure.Data.Tables;
using Serverless.Faults;

namespace Serverless.Devices.Tables;

/// <summary>Pages over all partitions.</summary>
public sealed partial class TableLedger
{
    private const int CallsMax = 64; // calls to the service a page: bounds its time, whatever the filter leaves out
    private const int TakeMax = 1000; // rows of one answer of the service

    /// <inheritdoc/>
    public async Task<Parsed<Page<DeviceRecord>>> List(DeviceQuery query, string? after, int take, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(query);
        var filter = new StringBuilder("RowKey ge 'd:' and RowKey lt 'd;'");
        if (query.State is { } state) filter.Append(" and ").Append(TableClient.CreateQueryFilter($"State eq {Words.Of(state)}"));
        if (query.Model is { } model) filter.Append(" and ").Append(TableClient.CreateQueryFilter($"Model eq {model}"));
        if (query.Owner is { } owner) filter.Append(" and ").Append(TableClient.CreateQueryFilter($"Owner eq {owner}"));
        if (query.Group is { } group) filter.Append(" and ").Append(TableClient.CreateQueryFilter($"Group eq {group}"));
        return await Scan(filter.ToString(), after, take, DeviceRow.ToRecord, cancel).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<Parsed<Page<DueDevice>>> Due(DateTimeOffset until, string? after, int take, CancellationToken cancel) =>
        Scan(TableClient.CreateQueryFilter($"RowKey ge 't:' and RowKey le {Rows.DueAt(until) + "~"}"), after, take, ToDue, cancel);

    private static DueDevice ToDue(TableEntity row)
    {
        var ticks = long.Parse(row.RowKey.AsSpan(2, 19), NumberStyles.None, CultureInfo.InvariantCulture);
        return new DueDevice(DeviceId.From(row.RowKey[22..]), new DateTimeOffset(ticks, TimeSpan.Zero), DeviceRow.State(row.GetString("State")));
    }

    /// <summary>Goes through the partitions in order, several at a time while they turn out empty.</summary>
    private async Task<Parsed<Page<T>>> Scan<T>(string filter, string? after, int take, Func<TableEntity, T> map, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(take, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(take, TakeMax);
        if (!Cursor.Parse(after).TryGet(out var cursor, out var fault)) return fault;
        var items = new List<T>();
        var (calls, wave) = (0, 1);
        while (cursor.Bucket < Rows.Buckets && items.Count < take && calls < CallsMax)
        {
            var width = Math.Min(wave, Rows.Buckets - cursor.Bucket);
            var start = cursor;
            var answers = await Task.WhenAll(Enumerable.Range(0, width).Select(step => One(filter, start.Step(step), take - items.Count, cancel))).ConfigureAwait(false);
            calls += width;
            wave = Math.Min(BucketsAtOnce, wave * 2);
            for (var step = 0; step < width; step++)
            {
                if (answers[step] is not { } answer) return new Fault("page-token", "after");
                var room = take - items.Count;
                items.AddRange(answer.Rows.Take(room).Select(map));
                cursor = room == 0 ? start.Step(step)
                    : answer.Rows.Count > room ? start.Step(step).After(answer.Rows[room - 1].RowKey)
                    : answer.More is { } more ? start.Step(step).Going(more)
                    : start.Step(step + 1);
                if (room > 0 && cursor.Text.Length == 0) continue;
                wave = 1; // a full partition: what was read of those behind it is thrown away
                break;
            }
        }

        return new Page<T>(items, cursor.Bucket < Rows.Buckets ? cursor.ToString() : null);
    }

    private async Task<Answer?> One(string filter, Cursor cursor, int take, CancellationToken cancel)
    {
        var rows = cursor.Kind == 'r' ? $"{filter} and {TableClient.CreateQueryFilter($"RowKey gt {cursor.Text}")}" : filter;
        var within = TableClient.CreateQueryFilter($"PartitionKey eq {Rows.Bucket(cursor.Bucket)}") + " and " + rows;
        try
        {
            var pages = _table.QueryAsync<TableEntity>(within, take, cancellationToken: cancel).AsPages(cursor.Kind == 'c' ? cursor.Text : null, take);
            await foreach (var page in pages.ConfigureAwait(false)) return new Answer(page.Values, page.ContinuationToken);
            return new Answer([], null);
        }
        catch (RequestFailedException refused) when (refused.Status == 400 && cursor.Kind == 'c')
        {
            return null; // not a continuation the service ever gave
        }
    }

    private sealed record Answer(IReadOnlyList<TableEntity> Rows, string? More);

    /// <summary>Where a page begins: a partition, and in it the start, a row or a continuation of the service's.</summary>
    private sealed record Cursor(int Bucket, char Kind, string Text)
    {
        public Cursor Step(int steps) => steps == 0 ? this : new Cursor(Bucket + steps, 's', "");

        public Cursor After(string row) => new(Bucket, 'r', row);

        public Cursor Going(string continuation) => new(Bucket, 'c', continuation);

        /// <returns>The cursor, or <c>page-token</c>.</returns>
        public static Parsed<Cursor> Parse(string? token)
        {
            if (token is null) return new Cursor(0, 's', "");
            var bytes = new byte[1024];
            if (token.Length > 1024 || !System.Buffers.Text.Base64Url.IsValid(token) || !System.Buffers.Text.Base64Url.TryDecodeFromChars(token, bytes, out var length) || length < 3) return new Fault("page-token", "after");
            var text = Encoding.UTF8.GetString(bytes, 0, length);
            return text.Length >= 3 && byte.TryParse(text.AsSpan(0, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bucket)
                && text[2] is 's' or 'r' or 'c' && (text.Length > 3) == (text[2] != 's') && !text.AsSpan(3).ContainsAnyInRange('\0', '\x1f')
                ? new Cursor(bucket, text[2], text[3..])
                : new Fault("page-token", "after");
        }

        public override string ToString() => System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Bucket:x2}{Kind}{Text}")));
    }
}
