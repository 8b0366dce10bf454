using System.Globalization;

namespace Serverless.Telemetry.Tests.Validation;

public class NumberTests
{
    [Fact]
    public void Every_number_is_the_double_nearest_to_its_text()
    {
        var random = new Random(11);
        var bench = new Bench { Profile = Profiles.Of("""{"name":"n","type":"number"}""") };
        var texts = new List<string>
        {
            "9007199254740992", "9007199254740993", "9007199254740995", "18446744073709551615", "18446744073709551616", "99999999999999999999", "10000000000000000000",
            "0.1", "0.30000000000000004", "2.2250738585072011e-308", "4.9e-324", "2.4703282292062327e-324", "1.7976931348623157e308", "123456789.0123456789", "9007199254740993.0",
            "0.0000000000000000000001", "1e22", "1e23", "8.5", "-0.0", "12345678901234567.89", "0.9007199254740993",
        };
        for (var i = 0; i < 4000; i++)
        {
            var digits = string.Concat(Enumerable.Range(0, random.Next(1, 25)).Select(_ => random.Next(10))).TrimStart('0');
            if (digits.Length == 0) digits = "0";
            var point = random.Next(0, digits.Length + 1);
            var whole = point == 0 ? "0" : digits[..point];
            texts.Add((random.Next(2) == 0 ? "-" : "") + (point == digits.Length ? whole : $"{whole}.{digits[point..]}") + (random.Next(4) == 0 ? $"e{random.Next(-330, 280)}" : ""));
        }

        foreach (var text in texts)
        {
            bench.State = default;
            var expected = double.Parse(text, CultureInfo.InvariantCulture);
            if (!double.IsFinite(expected)) continue;
            Assert.Equal("accepted", Bench.Outcome(bench.Sent(1, $"\"n\":{text}")));
            Assert.Equal(BitConverter.DoubleToInt64Bits(expected), BitConverter.DoubleToInt64Bits(bench.Readings.Value(0)));
        }
    }
}
