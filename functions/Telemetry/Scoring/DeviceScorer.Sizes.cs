namespace Serverless.Telemetry.Scoring;

public readonly ref partial struct DeviceScorer
{
    private const double SizeShare = 0.1; // of a message: names and digits come and go

    /// <summary>The size of a message: a metric like any other, except that nothing explains it but itself.</summary>
    /// <remarks>Not among the related metrics, because a number's digits are no measure of anything, and not in what an echo is heard by: a
    /// replay under a fresh counter has another size.</remarks>
    private void Sized(int bytes, bool habit, long atMs, Span<Finding> findings, ref int found)
    {
        ref var size = ref _head.Size;
        var excess = size.Excess(bytes, _head.Sized, SizeShare * size.High);
        if (Warm && excess > _limits.Size)
            Raise(new(FindingKind.Spike, Finding.MessageSize, atMs, atMs, excess, _limits.Size, bytes, size.Low, size.High), findings, ref found);
        size.Learn(bytes, _head.Sized, stretch: habit ? _limits.Reluctance : Records.Stretch);
        if (_head.Sized < ushort.MaxValue) _head.Sized++;
    }
}
