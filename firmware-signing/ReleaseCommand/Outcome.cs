using Serverless.FirmwareSigning.ReleaseCommand.Terminal;
using Serverless.FirmwareSigning.Trust.Json;
using Spectre.Console;

namespace Serverless.FirmwareSigning.ReleaseCommand;

/// <summary>What a command found or did, for a person and for a program.</summary>
/// <param name="Headline">One line.</param>
/// <param name="Json">The same facts; what <c>--json</c> prints.</param>
internal sealed record Outcome(string Headline, JsonObject Json)
{
    /// <summary>Label and value, in order.</summary>
    public IReadOnlyList<(string Label, string Value)> Facts { get; init; } = [];

    /// <summary>A table's columns; none without rows.</summary>
    public IReadOnlyList<string> Columns { get; init; } = [];

    /// <summary>Its rows.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Rows { get; init; } = [];

    /// <summary>What the person does next.</summary>
    public IReadOnlyList<string> Next { get; init; } = [];

    /// <summary>Shows it to a person. All text may be somebody else's, so none of it is markup.</summary>
    /// <param name="console">Where.</param>
    public void Show(IAnsiConsole console)
    {
        console.WriteLine(Printable.Of(Headline));
        if (Facts.Count > 0)
        {
            var grid = new Grid().AddColumn(new GridColumn { NoWrap = true }).AddColumn();
            foreach (var (label, value) in Facts) grid.AddRow(new Text("  " + Printable.Of(label)), new Text(Printable.Of(value)));
            console.Write(grid);
        }

        if (Rows.Count > 0)
        {
            var table = new Table { Border = TableBorder.Simple };
            foreach (var column in Columns) table.AddColumn(new TableColumn(new Text(column)));
            foreach (var row in Rows) table.AddRow(row.Select(cell => new Text(Printable.Of(cell))));
            console.Write(table);
        }

        foreach (var step in Next) console.WriteLine("next: " + Printable.Of(step));
    }
}
