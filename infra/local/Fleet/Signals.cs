using System.Text.Json;

namespace Serverless.Local.Fleet;

/// <summary>What a healthy device of one model measures: correlated signals with daily cycles, noise and rounding.</summary>
/// <remarks>One instance a device; call <see cref="Write"/> with rising times. Not thread-safe.</remarks>
public abstract class Signals
{
    private protected Signals(SplitMix random) => Random = random;

    /// <summary>The models of the simulated fleet; a profile of that name lies in the repository.</summary>
    public static IReadOnlyList<string> Models { get; } = ["env-sensor", "pump", "gateway"];

    /// <summary>The device's own randomness.</summary>
    protected SplitMix Random { get; }

    /// <summary>Makes the signals of a model.</summary>
    /// <param name="model">One of <see cref="Models"/>.</param>
    /// <param name="random">The device's own stream.</param>
    public static Signals Of(string model, SplitMix random) => model switch
    {
        "env-sensor" => new EnvironmentSignals(random),
        "pump" => new PumpSignals(random),
        "gateway" => new GatewaySignals(random),
        _ => throw new ArgumentOutOfRangeException(nameof(model), model, "no such model"),
    };

    /// <summary>Writes the members of <c>metrics</c> for one instant.</summary>
    /// <param name="json">Inside an open object.</param>
    /// <param name="at">Device time.</param>
    public abstract void Write(Utf8JsonWriter json, DateTimeOffset at);

    /// <summary>A cycle of a day: -1 at 04:00, +1 at 16:00 UTC.</summary>
    private protected static double Day(DateTimeOffset at) => -Math.Cos((at.TimeOfDay.TotalHours - 4) / 24 * 2 * Math.PI);

    /// <summary>Writes a number with exactly <paramref name="decimals"/> decimals, as sensors do.</summary>
    private protected static void Number(Utf8JsonWriter json, string name, double value, int decimals)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(value.ToString("F" + decimals, System.Globalization.CultureInfo.InvariantCulture));
    }

    private sealed class EnvironmentSignals(SplitMix random) : Signals(random)
    {
        private readonly double _base = random.Between(18, 24);
        private double _drift;

        public override void Write(Utf8JsonWriter json, DateTimeOffset at)
        {
            _drift = 0.95 * _drift + 0.05 * Random.Normal();
            var temperature = _base + 3 * Day(at) + _drift + 0.05 * Random.Normal();
            var humidity = Math.Clamp(55 - 2.2 * (temperature - 21) + 0.4 * Random.Normal(), 5, 95);
            var office = at.Hour is >= 8 and < 18 && at.DayOfWeek is not (DayOfWeek.Saturday or DayOfWeek.Sunday);
            Number(json, "temperature", temperature, 2);
            Number(json, "humidity", humidity, 1);
            Number(json, "co2", (office ? 700 : 440) + 12 * Random.Normal(), 0);
            Number(json, "battery", 3.6 - 0.01 * Random.Uniform(), 3);
        }
    }

    private sealed class PumpSignals(SplitMix random) : Signals(random)
    {
        private readonly double _nominal = random.Between(1350, 1500);
        private double _heat = 30;

        public override void Write(Utf8JsonWriter json, DateTimeOffset at)
        {
            var rpm = _nominal + 60 * Day(at) + 6 * Random.Normal();
            _heat += 0.02 * (25 + rpm / 60 - _heat);
            Number(json, "rpm", rpm, 0);
            Number(json, "current", rpm / 240 + 0.03 * Random.Normal(), 2);
            Number(json, "vibration", 0.8 + rpm / 1500 + 0.04 * Random.Normal(), 3);
            Number(json, "bearingTemp", _heat + 0.1 * Random.Normal(), 2);
        }
    }

    private sealed class GatewaySignals(SplitMix random) : Signals(random)
    {
        private readonly int _links = (int)random.Between(4, 24);
        private double _load = 20;

        public override void Write(Utf8JsonWriter json, DateTimeOffset at)
        {
            _load = Math.Clamp(0.9 * _load + 0.1 * (25 + 10 * Day(at)) + 1.5 * Random.Normal(), 1, 95);
            Number(json, "cpu", _load, 1);
            Number(json, "memory", 40 + 0.3 * _load + 0.2 * Random.Normal(), 1);
            Number(json, "links", _links, 0);
            Number(json, "boardTemp", 35 + 0.25 * _load + 0.2 * Random.Normal(), 1);
        }
    }
}
