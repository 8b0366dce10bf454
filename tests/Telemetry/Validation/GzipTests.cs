using System.IO.Compression;
using System.Text;
using Serverless.Telemetry.Validation;

namespace Serverless.Telemetry.Tests.Validation;

/// <summary>The own inflater is held against the framework's: what one makes of bytes the other makes too.</summary>
public class GzipTests
{
    private readonly Inflater _inflater = new();

    [Fact]
    public void Everything_the_framework_packs_is_unpacked()
    {
        var random = new Random(5);
        for (var i = 0; i < 120; i++)
        {
            var plain = new byte[random.Next(0, 1 << random.Next(1, 18))];
            var kinds = random.Next(1, 256);
            for (var at = 0; at < plain.Length; at++) plain[at] = (byte)random.Next(kinds);
            if (i % 3 == 0) for (var at = plain.Length / 2; at < plain.Length; at++) plain[at] = plain[at - (plain.Length / 2)];
            foreach (var level in new[] { CompressionLevel.NoCompression, CompressionLevel.Fastest, CompressionLevel.Optimal, CompressionLevel.SmallestSize })
            {
                var packed = Pack(plain, level);
                var into = new byte[plain.Length];
                Assert.Equal(plain.Length, Gzip.Inflate(packed, into, _inflater, out var fault));
                Assert.Null(fault);
                Assert.Equal(plain, into);
                if (plain.Length == 0) continue;
                Gzip.Inflate(packed, into.AsSpan(1), _inflater, out fault);
                Assert.Equal("gzip-too-large", fault?.Code);
            }
        }
    }

    [Fact]
    public void What_is_broken_is_refused_or_unpacks_as_the_framework_does()
    {
        var random = new Random(6);
        var (refused, same) = (0, 0);
        for (var i = 0; i < 6_000; i++)
        {
            var packed = Pack(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(1, 60)).Select(_ => random.Next(1000)))), (CompressionLevel)random.Next(4));
            packed[random.Next(packed.Length)] ^= (byte)(1 << random.Next(8));
            var into = new byte[4096];
            var length = Gzip.Inflate(packed, into, _inflater, out var fault);
            if (fault is not null)
            {
                refused++;
                continue;
            }

            using var stream = new GZipStream(new MemoryStream(packed), CompressionMode.Decompress);
            using var expected = new MemoryStream();
            stream.CopyTo(expected);
            Assert.Equal(expected.ToArray(), into[..length]);
            same++;
        }

        Assert.InRange(refused, 1000, 6_000);
        Assert.InRange(same, 100, 6_000); // bits of the header that mean nothing here
    }

    [Theory]
    [InlineData("a second member")]
    [InlineData("trailing byte")]
    [InlineData("cut short")]
    [InlineData("wrong checksum")]
    [InlineData("wrong length")]
    [InlineData("reserved flag")]
    [InlineData("nothing")]
    public void One_whole_member_and_nothing_else(string flaw)
    {
        var good = Pack("{}"u8.ToArray(), CompressionLevel.Optimal);
        byte[] body = flaw switch
        {
            "a second member" => [.. good, .. good],
            "trailing byte" => [.. good, 0],
            "cut short" => good[..^1],
            "wrong checksum" => [.. good[..^8], (byte)(good[^8] ^ 1), .. good[^7..]],
            "wrong length" => [.. good[..^1], 1],
            "reserved flag" => [.. good[..3], 0x80, .. good[4..]],
            _ => [0x1F],
        };
        Assert.Equal("gzip-malformed at body", Bench.Outcome(new Bench { ContentEncoding = "gzip" }.Judged(body)));
    }

    [Fact]
    public void A_header_with_name_comment_extra_and_its_own_checksum_is_read()
    {
        var good = Pack("{}"u8.ToArray(), CompressionLevel.Optimal);
        byte[] header = [.. good[..3], 31, .. good[4..10], 2, 0, 9, 9, (byte)'n', 0, (byte)'c', 0];
        var crc = Crc(header);
        byte[] body = [.. header, (byte)(crc & 255), (byte)(crc >> 8 & 255), .. good[10..]];
        var bench = new Bench { ContentEncoding = "gzip" };
        Assert.Equal("message-id-missing at messageId", Bench.Outcome(bench.Judged(body)));
        body[^(good.Length - 10 + 1)] ^= 1;
        Assert.Equal("gzip-malformed at body", Bench.Outcome(bench.Judged(body)));
    }

    private static byte[] Pack(byte[] plain, CompressionLevel level)
    {
        using var into = new MemoryStream();
        using (var gzip = new GZipStream(into, level)) gzip.Write(plain);
        // The framework writes nothing at all for nothing: the smallest member stands in.
        var packed = into.ToArray();
        return packed.Length > 0 ? packed : [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    }

    private static uint Crc(byte[] bytes)
    {
        var crc = uint.MaxValue;
        foreach (var part in bytes)
        {
            crc ^= part;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
        }

        return ~crc;
    }
}
