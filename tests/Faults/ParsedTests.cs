namespace Serverless.Faults.Tests;

public class ParsedTests
{
    private static readonly Fault Bad = new("bad-thing", "thing");

    [Fact]
    public void A_forgotten_parse_is_a_refusal()
    {
        Parsed<string> forgotten = default;
        Assert.False(forgotten.TryGet(out var value, out var fault));
        Assert.Null(value);
        Assert.Equal("not-parsed", fault.Code);
    }

    [Fact]
    public void A_value_is_a_value_and_has_no_fault()
    {
        Parsed<string> parsed = "x";
        Assert.True(parsed.TryGet(out var value, out var fault));
        Assert.Equal("x", value);
        Assert.Null(fault);
        Assert.Null(parsed.Fault);
    }

    [Fact]
    public void The_default_of_a_value_type_can_be_accepted()
    {
        Parsed<int> zero = 0;
        Assert.True(zero.TryGet(out _, out _));
    }

    [Fact]
    public void Then_goes_on_with_a_value_and_passes_a_fault_through()
    {
        Parsed<int> two = 2;
        Assert.Equal(Bad, two.Then<int>(_ => Bad).Fault);
        Assert.True(two.Then<int>(n => n + 1).TryGet(out var three, out _));
        Assert.Equal(3, three);
        Parsed<int> refused = Bad;
        Assert.Equal(Bad, refused.Then<int>(_ => throw new InvalidOperationException("must not be asked")).Fault);
    }

    [Fact]
    public void Null_is_neither_a_value_nor_a_fault()
    {
        Assert.Throws<ArgumentNullException>(() => (Parsed<string>)(string)null!);
        Assert.Throws<ArgumentNullException>(() => (Parsed<string>)(Fault)null!);
    }
}
