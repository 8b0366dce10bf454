using System.Diagnostics.CodeAnalysis;

namespace Serverless.Faults;

/// <summary>A value that passed every check, or the fault that refused it. There is no third state.</summary>
/// <remarks><c>default(Parsed&lt;T&gt;)</c> is the refusal <c>not-parsed</c>, so that forgetting to parse fails closed.
/// Immutable and thread-safe when <typeparamref name="T"/> is.</remarks>
/// <typeparam name="T">The domain type whose existence is the proof of validity.</typeparam>
public readonly struct Parsed<T>
    where T : notnull
{
    private static readonly Fault NotParsed = new("not-parsed", "");
    private readonly T? _value;
    private readonly Fault? _fault;
    private readonly bool _accepted;

    private Parsed(T value)
    {
        _value = value;
        _accepted = true;
    }

    private Parsed(Fault fault) => _fault = fault;

    /// <summary>The fault, or <see langword="null"/> when a value was accepted.</summary>
    public Fault? Fault => _accepted ? null : _fault ?? NotParsed;

    /// <summary>Accepts <paramref name="value"/>.</summary>
    /// <param name="value">The parsed value.</param>
    public static implicit operator Parsed<T>(T value) => new(value ?? throw new ArgumentNullException(nameof(value)));

    /// <summary>Refuses with <paramref name="fault"/>.</summary>
    /// <param name="fault">Why.</param>
    public static implicit operator Parsed<T>(Fault fault) => new(fault ?? throw new ArgumentNullException(nameof(fault)));

    /// <summary>Splits the two cases: exactly one of the out parameters is set.</summary>
    /// <param name="value">The value, when accepted.</param>
    /// <param name="fault">The fault, when refused.</param>
    /// <returns>Whether a value was accepted.</returns>
    public bool TryGet([MaybeNullWhen(false)] out T value, [NotNullWhen(false)] out Fault? fault)
    {
        value = _value;
        fault = Fault;
        return _accepted;
    }

    /// <summary>Goes on with the value; a fault passes through unchanged.</summary>
    /// <typeparam name="TNext">What the next step yields.</typeparam>
    /// <param name="next">The next check or parse.</param>
    public Parsed<TNext> Then<TNext>(Func<T, Parsed<TNext>> next)
        where TNext : notnull
    {
        ArgumentNullException.ThrowIfNull(next);
        return _accepted ? next(_value!) : Fault!;
    }
}
