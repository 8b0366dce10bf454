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
        Value(json, value, decimals);
    }

    private protected static void Value(Utf8JsonWriter json, double value, int decimals) =>
        json.WriteRawValue(value.ToString("F" + decimals, System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>The posture that every healthy device reports: hardened as its profile wants it.</summary>
    private protected static void Posture(Utf8JsonWriter json, string openPorts, string firmware)
    {
        json.WriteString("bootState", "secure");
        json.WriteBoolean("debugPort", false);
        json.WriteString("openPorts", openPorts);
        json.WriteString("firmwareVersion", firmware);
    }

    private sealed class EnvironmentSignals(SplitMix random) : Signals(random)
    {
        private readonly double _base = random.Between(18, 24);
        private readonly double _pressure = random.Between(990, 1020);
        private double _drift;
        private long _began;

        public override void Write(Utf8JsonWriter json, DateTimeOffset at)
        {
            if (_began == 0) _began = at.ToUnixTimeSeconds() - 86_400;
            _drift = 0.95 * _drift + 0.05 * Random.Normal();
            var temperature = _base + 3 * Day(at) + _drift + 0.05 * Random.Normal();
            var humidity = Math.Clamp(55 - 2.2 * (temperature - 21) + 0.4 * Random.Normal(), 5, 95);
            var office = at.Hour is >= 8 and < 18 && at.DayOfWeek is not (DayOfWeek.Saturday or DayOfWeek.Sunday);
            Number(json, "temperature", temperature, 2);
            Number(json, "humidity", humidity, 1);
            Number(json, "pressure", _pressure + 0.8 * _drift + 0.02 * Random.Normal(), 2);
            Number(json, "co2", (office ? 700 : 440) + 12 * Random.Normal(), 0);
            Number(json, "light", office ? 420 + 25 * Random.Normal() : 0, 0);
            Number(json, "battery", 3.6 - 0.01 * Random.Uniform(), 3);
            Number(json, "rssi", -67 + 3 * Random.Normal(), 0);
            Number(json, "uptime", at.ToUnixTimeSeconds() - _began, 0);
            Posture(json, "8883", "1.4.2");
        }
    }

    private sealed class PumpSignals(SplitMix random) : Signals(random)
    {
        private readonly double _nominal = random.Between(1350, 1500);
        private double _heat = 30;
        private double _energy = random.Between(1000, 50_000);

        public override void Write(Utf8JsonWriter json, DateTimeOffset at)
        {
            var speed = _nominal + 60 * Day(at) + 6 * Random.Normal();
            _heat += 0.02 * (25 + speed / 60 - _heat);
            _energy += speed / 1500 * 0.05;
            Number(json, "flow", speed / 20 + 0.3 * Random.Normal(), 2);
            Number(json, "pressureIn", 1.2 + 0.02 * Random.Normal(), 2);
            Number(json, "pressureOut", 1.2 + speed * speed / 450_000 + 0.03 * Random.Normal(), 2);
            Number(json, "motorCurrent", speed / 120 + 0.05 * Random.Normal(), 2);
            Number(json, "bearingTemperature", _heat + 0.1 * Random.Normal(), 2);
            json.WriteStartArray("vibration");
            for (var axis = 0; axis < 3; axis++) Value(json, speed / 1500 * (0.6 + 0.2 * axis) + 0.04 * Random.Normal(), 3);
            json.WriteEndArray();
            Number(json, "speed", speed, 0);
            Number(json, "energy", _energy, 3);
            json.WriteString("state", "running");
            Posture(json, "502,8883", "3.0.1");
        }
    }

    private sealed class GatewaySignals(SplitMix random) : Signals(random)
    {
        private readonly int _links = (int)random.Between(4, 24);
        private double _load = 20;
        private double _sent = random.Between(1e6, 1e9);

        public override void Write(Utf8JsonWriter json, DateTimeOffset at)
        {
            _load = Math.Clamp(0.9 * _load + 0.1 * (25 + 10 * Day(at)) + 1.5 * Random.Normal(), 1, 95);
            _sent += Math.Max(0, _links * 900 * (1 + 0.2 * Random.Normal()));
            Number(json, "cpu", _load, 1);
            Number(json, "memory", 40 + 0.3 * _load + 0.2 * Random.Normal(), 1);
            Number(json, "disk", 31.5, 1);
            Number(json, "bytesSent", _sent, 0);
            Number(json, "bytesReceived", _sent / 8, 0);
            Number(json, "devicesConnected", _links, 0);
            json.WriteString("uplink", "ethernet");
            Posture(json, "443,8883", "2.2.0");
        }
    }
}
