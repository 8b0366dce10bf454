namespace Serverless.FirmwareSigning.Device.Fetch;

/// <summary>How long a device lets a server keep it waiting. Lengths are bounded per call, by what is already trusted.</summary>
/// <param name="AnswerWithin">From the request to the response's head.</param>
/// <param name="Window">Span over which the rate is judged.</param>
/// <param name="WindowBytes">Bytes that must come in each window that is not the body's last.</param>
/// <param name="Whole">For a whole metadata file, head to end. Images have no such bound beyond the rate: an honest slow
/// link may take hours for them, and <see cref="WindowBytes"/> already bounds that.</param>
public sealed record FetchLimits(TimeSpan AnswerWithin, TimeSpan Window, int WindowBytes, TimeSpan Whole)
{
    /// <summary>15 s to answer, 1 KiB/s over windows of 10 s (a 2G modem gives several), 2 minutes a metadata file.</summary>
    public static FetchLimits Default { get; } = new(TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(10), 10 * 1024, TimeSpan.FromMinutes(2));
}
