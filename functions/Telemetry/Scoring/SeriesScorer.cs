using System.Runtime.CompilerServices;
using Serverless.Faults;

namespace Serverless.Telemetry.Scoring;

/// <summary>The views of a series whose records are watched. The order is that of the snapshot.</summary>
public enum SeriesPart
{
    /// <summary>The value itself.</summary>
    Value,
    /// <summary>The level: a mean over about 20 values.</summary>
    Level,
    /// <summary>A short rise or fall: the mean over 4 values less that over 16 (Page 1954's idea, in moving averages).</summary>
    Turn,
    /// <summary>A longer rise or fall: the mean over 16 values less that over 128.</summary>
    Shift,
    /// <summary>The distance from the mean of about 48 values before it.</summary>
    Deviation,
    /// <summary>Roughness: root mean square of the last 80 steps, so calm and turmoil both show.</summary>
    Roughness,
    /// <summary>The distance from what is usual at this hour, over 2 values.</summary>
    OffHour,
    /// <summary>The distance from what is usual at this hour, over 4 values.</summary>
    OffHours,
}

/// <summary>What one value of a series looked like.</summary>
/// <param name="Warm">False during warm-up: the answer is then "not yet", and the other members say nothing.</param>
/// <param name="Tail">Calibrated tail probability in (0, 1]: how often this series shows at least this much evidence.</param>
/// <param name="Alarm">Evidence that stands out above the last alarm of its episode, in [0, 1); 0 is no alarm.</param>
/// <param name="Evidence">Evidence of all parts together, 0 or more; scale-free.</param>
/// <param name="Strongest">The part with the most evidence, for the explanation.</param>
public readonly record struct SeriesScore(bool Warm, double Tail, double Alarm, double Evidence, SeriesPart Strongest);

/// <summary>Online anomaly scorer of one numeric series: eight views of it, each watched for records, their evidence added.</summary>
/// <remarks>
/// One pass, no look-ahead, no minimum, maximum or length known beforehand, one parameter set. Invariant under scale, offset and sign
/// of the values and under whole days of the clock. State is <see cref="SnapshotBytes"/> bytes. Deterministic. Not safe for
/// concurrent use. Values are distances from the first value, bounded at ±1e30: a first value absurd next to what follows
/// would hide all that follows, so warm-up starts over then.
/// </remarks>
public struct SeriesScorer
{
    /// <summary>Values after which it answers.</summary>
    public const int WarmUp = 150;

    /// <summary>Size of a snapshot in bytes.</summary>
    public const int SnapshotBytes = 1 + 8 + 8 + 4 + (8 * 8) + (Parts * 16) + 216 + 9 + 68;

    private const byte Version = 1;
    private const int Parts = 8;
    private const double Bound = 1e30;

    [InlineArray(Parts)]
    private struct PartRecords { private Records _first; }

    [InlineArray(8)]
    private struct Means { private double _first; }

    [InlineArray(Parts)]
    private struct View { private double _first; }

    // The means, by index: level 20, turn 4 and 16, shift 16 (shared) and 128, deviation 48, squared step 80, off-hour 2 and 4.
    private const int Over20 = 0, Over4 = 1, Over16 = 2, Over128 = 3, Over48 = 4, Step80 = 5, Off2 = 6, Off4 = 7;

    private double _origin, _last;
    private int _seen;
    private Means _means;
    private PartRecords _records;
    private DayProfile _day;
    private Refractory _refractory;
    private Calibration _calibration;

    /// <summary>Values learned; saturates.</summary>
    public readonly int Seen => _seen;

    /// <summary>What is usual at this hour, in the unit of the values; the first value where the hour has not been seen.</summary>
    /// <param name="atMs">Unix time in milliseconds.</param>
    public readonly double Expected(long atMs) => _origin + _day.At(DayProfile.BinOf(atMs));

    /// <summary>Judges a value without learning it.</summary>
    /// <param name="atMs">Unix time in milliseconds.</param>
    /// <param name="value">Any value; one that is not finite counts as the farthest there is.</param>
    public readonly SeriesScore Score(long atMs, double value)
    {
        Look(atMs, Distance(value), out var view, out _);
        return Judge(in view);
    }

    /// <summary>Learns a value. Call it after <see cref="Score"/>, unless the value must not become normal.</summary>
    public void Learn(long atMs, double value) => ScoreAndLearn(atMs, value);

    /// <summary>Scores and learns in one pass: what <see cref="Score"/> would answer, at half its price.</summary>
    public SeriesScore ScoreAndLearn(long atMs, double value)
    {
        if (_seen == 0) _origin = double.IsFinite(value) ? value : 0;
        else if (_seen < Records.WarmUp && Math.Abs(value - _origin) > Bound) this = new SeriesScorer { _origin = double.IsFinite(value) ? value : 0 };
        var distance = Distance(value);
        Look(atMs, distance, out var view, out var means);
        var score = Judge(in view);

        for (var i = 0; i < Parts; i++) _records[i].Learn(view[i], _seen);
        _means = means;
        _day.Learn(DayProfile.BinOf(atMs), distance);
        _last = distance;
        _calibration.Learn(score.Evidence);
        _refractory.Learn(score.Warm ? score.Alarm / (1 - score.Alarm) : 0, _seen);
        if (_seen < int.MaxValue) _seen++;
        return score;
    }

    private readonly double Distance(double value)
    {
        var distance = value - _origin;
        return double.IsNaN(distance) ? Bound : Math.Clamp(distance, -Bound, Bound);
    }

    private readonly void Look(long atMs, double x, out View view, out Means means)
    {
        means = default;
        view = default;
        means[Over20] = Average.After(_means[Over20], x, 1 / 20.0, _seen);
        means[Over4] = Average.After(_means[Over4], x, 1 / 4.0, _seen);
        means[Over16] = Average.After(_means[Over16], x, 1 / 16.0, _seen);
        means[Over128] = Average.After(_means[Over128], x, 1 / 128.0, _seen);
        means[Over48] = Average.After(_means[Over48], x, 1 / 48.0, _seen);
        var step = _seen == 0 ? 0 : x - _last;
        means[Step80] = Average.After(_means[Step80], step * step, 1 / 80.0, _seen);
        var bin = DayProfile.BinOf(atMs);
        var off = _seen >= Records.WarmUp ? x - _day.At(bin) : 0;
        means[Off2] = Average.After(_means[Off2], off, 1 / 2.0, _seen);
        means[Off4] = Average.After(_means[Off4], off, 1 / 4.0, _seen);

        view[(int)SeriesPart.Value] = x;
        view[(int)SeriesPart.Level] = means[Over20];
        view[(int)SeriesPart.Turn] = means[Over4] - means[Over16];
        view[(int)SeriesPart.Shift] = means[Over16] - means[Over128];
        view[(int)SeriesPart.Deviation] = _seen == 0 ? 0 : x - _means[Over48];
        view[(int)SeriesPart.Roughness] = Math.Sqrt(means[Step80]);
        view[(int)SeriesPart.OffHour] = means[Off2];
        view[(int)SeriesPart.OffHours] = means[Off4];
    }

    private readonly SeriesScore Judge(in View view)
    {
        double sum = 0, most = 0;
        var strongest = SeriesPart.Value;
        for (var i = 0; i < Parts; i++)
        {
            var evidence = _records[i].Evidence(_records[i].Excess(view[i], _seen), _seen);
            sum += evidence;
            if (evidence <= most) continue;
            most = evidence;
            strongest = (SeriesPart)i;
        }
        if (_seen < WarmUp) return new(false, 1, 0, sum, strongest);
        var passed = _refractory.Pass(sum, _seen);
        return new(true, _calibration.Tail(sum), passed / (1 + passed), sum, strongest);
    }

    /// <summary>Writes a snapshot of <see cref="SnapshotBytes"/> bytes; continuing from it gives identical scores.</summary>
    /// <param name="bytes">At least that long.</param>
    public readonly int Write(Span<byte> bytes)
    {
        var state = new StateWriter(bytes);
        state.Byte(Version);
        state.Double(_origin);
        state.Double(_last);
        state.Int32(_seen);
        for (var i = 0; i < 8; i++) state.Double(_means[i]);
        for (var i = 0; i < Parts; i++) _records[i].Write(ref state);
        _day.Write(ref state);
        _refractory.Write(ref state);
        _calibration.Write(ref state);
        return state.Length;
    }

    /// <summary>Reads a snapshot.</summary>
    /// <returns>The scorer, or <c>series-state-version</c> or <c>series-state-length</c>: state of another version or cut short.</returns>
    public static Parsed<SeriesScorer> Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 0 && bytes[0] != Version) return new Fault("series-state-version", "version");
        if (bytes.Length < SnapshotBytes) return new Fault("series-state-length", "series");
        var state = new StateReader(bytes[1..]);
        var scorer = new SeriesScorer { _origin = state.Double(), _last = state.Double(), _seen = state.Int32() };
        for (var i = 0; i < 8; i++) scorer._means[i] = state.Double();
        for (var i = 0; i < Parts; i++) scorer._records[i] = Records.Read(ref state);
        scorer._day = DayProfile.Read(ref state);
        scorer._refractory = Refractory.Read(ref state);
        scorer._calibration = Calibration.Read(ref state);
        return scorer;
    }
}
