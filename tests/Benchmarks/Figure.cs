using System.Globalization;

namespace Serverless.Benchmarks;

/// <summary>One measured figure, printed as one line that a person and a script read alike.</summary>
internal static class Figure
{
    /// <summary>Prints <c>figure name value unit goal op number</c>.</summary>
    public static void Print(string name, double value, string unit, string op, double goal) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure {name} {value:0.####} {unit} goal {op} {goal:0.####}"));

    /// <summary>Prints a figure without a goal: <c>figure name value unit goal none</c>.</summary>
    public static void Print(string name, double value, string unit) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure {name} {value:0.####} {unit} goal none"));
}
