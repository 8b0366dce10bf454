using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Serverless.Local.KeyVault;

/// <summary>The vault's bad days: its own rate, and failures a test orders.</summary>
/// <remarks>Thread-safe. Wall time.</remarks>
internal sealed class Disturbance(int operationsPer10s, TimeProvider wall)
{
    private readonly Lock _gate = new();
    private double _tokens = operationsPer10s;
    private long _filledAt = wall.GetTimestamp();
    private (int Status, int Left, TimeSpan? RetryAfter) _ordered;

    /// <summary>Makes the next requests fail before anything of them is read.</summary>
    public void Order(int status, int count, TimeSpan? retryAfter)
    {
        lock (_gate) _ordered = (status, count, retryAfter);
    }

    /// <summary>The failure this request is to meet, if any.</summary>
    public (int Status, TimeSpan? RetryAfter)? Next()
    {
        lock (_gate)
        {
            if (_ordered.Left == 0) return null;
            if (_ordered.Left != int.MaxValue) _ordered.Left--;
            return (_ordered.Status, _ordered.RetryAfter);
        }
    }

    /// <summary>Takes one operation of the rate; a bucket that is full at start, so ten seconds' worth may come at once.</summary>
    public bool TakeOne(HttpResponse response)
    {
        lock (_gate)
        {
            _tokens = Math.Min(operationsPer10s, _tokens + (wall.GetElapsedTime(_filledAt) / TimeSpan.FromSeconds(10) * operationsPer10s));
            _filledAt = wall.GetTimestamp();
            if (_tokens >= 1)
            {
                _tokens--;
                return true;
            }
        }

        response.Headers.RetryAfter = 10.ToString(CultureInfo.InvariantCulture);
        return false;
    }
}
