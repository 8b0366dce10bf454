using System.Collections.Immutable;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Serverless.Enrollment.Admission;

namespace Serverless.Enrollment.Tests.Admission;

public sealed class RowReaderTests
{
    private static readonly ImmutableArray<string> Columns = ["registrationId", "model", "owner", "symmetricKey"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("a,pump,acme,true\n", "a")]
    [InlineData("a,pump,acme,true", "a")]
    [InlineData("a,pump,acme,true\r\n\r\n\nb,pump,acme,true\r\n", "a b")]
    [InlineData("\"a\",\"pump\",\"acme\",\"true\"\n", "a")]
    [InlineData("\"a\"x,pump,acme,true\nb,pump,acme,true\n", "row-malformed b")]
    [InlineData("a\"b,pump,acme,true\nb,pump,acme,true\n", "row-malformed")] // the quote opens, as it would in any spreadsheet
    [InlineData("a,pump,acme\nb,pump,acme,true,\nc,pump,acme,true\n", "row-malformed row-malformed c")]
    [InlineData("a,pump,acme,false\n", "request-malformed")]
    [InlineData("a,pump,acme,\n", "credential-missing")]
    [InlineData("A,pump,acme,true\n", "device-id-case")]
    [InlineData("\"a\"\"b\",pump,acme,true\n", "device-id-alphabet")]
    [InlineData("\"a\nb\",pump,acme,true\nc,pump,acme,true\n", "device-id-alphabet c")]
    [InlineData("", "")]
    public async Task Csv_is_read_as_rfc_4180_has_it(string csv, string rows) => Assert.Equal(rows, string.Join(' ', await All(csv, RowFormat.Csv, Columns)));

    [Fact]
    public async Task A_row_that_is_not_utf8_is_that_rows_fault()
    {
        byte[] csv = [.. "a,pump,acme,true\n"u8, 0xFF, .. ",pump,acme,true\nb,pump,acme,true\n"u8];
        Assert.Equal(["a", "row-malformed", "b"], await All(csv, RowFormat.Csv, Columns, 7));
    }

    [Theory]
    [InlineData(0, "a")]
    [InlineData(1, "row-length")]
    public async Task A_row_has_at_most_64_KB(int beyond, string first)
    {
        var json = """{"registrationId":"a","model":"pump","owner":"acme","symmetricKey":true}""";
        var next = json.Replace("\"a\"", "\"b\"", StringComparison.Ordinal);
        foreach (var end in new[] { "\n" + next, "" })
            Assert.Equal(end.Length > 0 ? [first, "b"] : [first], await All(json.PadRight(RowReader.RowBytesMax + beyond) + end, RowFormat.JsonLines, []));
    }

    [Fact]
    public async Task A_quote_that_never_closes_costs_what_it_swallows_and_no_more()
    {
        var csv = "\"a,pump,acme,true\n" + string.Concat(Enumerable.Repeat("b,pump,acme,true\n", 8000));
        var rows = await All(csv, RowFormat.Csv, Columns);
        Assert.Equal("row-length", rows[0]);
        Assert.InRange(rows.Count, 4000, 4300); // 64 KB of 17 bytes each were swallowed
        Assert.All(rows.Skip(1), row => Assert.Equal("b", row));
    }

    [Theory]
    [InlineData("registrationId,model,owner,certificateChain\n", null)]
    [InlineData("\uFEFFregistrationId,model,owner,certificateChain\n", null)]
    [InlineData("symmetricKey,owner,model,registrationId\n", null)]
    [InlineData("registrationId,model,owner\n", "batch-header")]
    [InlineData("registrationId,model,certificateChain\n", "batch-header")]
    [InlineData("registrationId,model,owner,certificateChain,certificateChain\n", "batch-header")]
    [InlineData("registrationId,model,owner,certificateChain,colour\n", "batch-header")]
    [InlineData("a,pump,acme,true\n", "batch-header")]
    [InlineData("\n", "batch-header")]
    public async Task A_header_names_known_columns(string header, string? fault)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(header));
        Assert.Equal(fault, (await new RowReader(stream, RowFormat.Csv, [], 0).ReadHeader(Cancel)).Fault?.Code);
    }

    /// <summary>However the bytes arrive, and wherever the reader starts again: the same rows.</summary>
    [Fact]
    public void Chunks_and_restarts_change_nothing()
    {
        var row = Gen.Elements("a,pump,acme,true\n", "\"b\",\"pump\",\"ac\"\"me\",true\r\n", "\n", "\"c\nc\",pump,acme,true\n", "bad\n", "d,pump,acme,\n", "é,pump,acme,true\n", "e,pump,acme,true");
        var some = from rows in row.ArrayOf() from chunk in Gen.Choose(1, 40) from restart in Gen.Choose(0, 20) select (string.Concat(rows), chunk, restart);
        var read = 0;
        Prop.ForAll(Arb.From(some), input =>
        {
            var (text, chunk, restart) = input;
            var bytes = Encoding.UTF8.GetBytes(text);
            var whole = All(bytes, RowFormat.Csv, Columns, int.MaxValue).Result;
            Assert.Equal(whole, All(bytes, RowFormat.Csv, Columns, chunk).Result);
            Assert.Equal(whole, Restarted(bytes, restart).Result);
            read += whole.Count;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500).WithEndSize(30));
        Assert.True(read > 1000);
    }

    private static async Task<List<string>> Restarted(byte[] bytes, int after)
    {
        var rows = new List<string>();
        var at = 0L;
        var reader = new RowReader(new MemoryStream(bytes), RowFormat.Csv, Columns, 0);
        while (await reader.Next(Cancel) is { } row)
        {
            rows.Add(Text(row));
            at = row.End;
            if (rows.Count == after) reader = new RowReader(new MemoryStream(bytes[(int)at..]), RowFormat.Csv, Columns, at);
        }

        return rows;
    }

    private static Task<List<string>> All(string text, RowFormat format, ImmutableArray<string> columns) => All(Encoding.UTF8.GetBytes(text), format, columns, int.MaxValue);

    private static async Task<List<string>> All(byte[] bytes, RowFormat format, ImmutableArray<string> columns, int chunk)
    {
        var rows = new List<string>();
        using var stream = new SlowStream(bytes, chunk);
        var reader = new RowReader(stream, format, columns, 0);
        while (await reader.Next(Cancel) is { } row) rows.Add(Text(row));
        return rows;
    }

    private static string Text(BatchRow row) => row.Request.TryGet(out var request, out var fault) ? request.Id.Text : fault.Code;

    /// <summary>Gives a few bytes at a time.</summary>
    private sealed class SlowStream(byte[] bytes, int chunk) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(chunk, buffer.Length)], cancellationToken);
    }
}
