namespace Serverless.Telemetry.Validation;

/// <summary>What was found in a message where a value may be.</summary>
internal enum ItemKind : byte
{
    None,
    Number,       // with a fraction or exponent
    Whole,        // a number without
    True,
    False,
    Null,
    Text,
    Vector,       // three numbers
    Numbers,      // an array of other than three numbers
    Other,        // any other array, an object, bytes, a simple value
}

/// <summary>One value in a message: its kind, its bytes there and, for text, where its unescaped characters are.</summary>
internal struct Item
{
    public int Start;
    public int Length;
    public int TextStart;
    public int TextLength;
    public ItemKind Kind;
    public bool InScratch;

    public readonly bool IsNumber => Kind is ItemKind.Number or ItemKind.Whole;
}
