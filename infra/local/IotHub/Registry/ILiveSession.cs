using System.Text.Json.Nodes;
using Serverless.Faults;

namespace Serverless.Local.IotHub.Registry;

/// <summary>The one live connection of a device, as the registry sees it. All members are called under the device's gate and must
/// not block.</summary>
internal interface ILiveSession
{
    /// <summary>Ends the connection without a word, as MQTT 3.1.1 requires of a server.</summary>
    void Cut(Fault reason);

    /// <summary>Tells the device of changed desired properties, if it asked for them.</summary>
    void NotifyDesired(JsonObject patch, long version);

    /// <summary>Sends a method call.</summary>
    /// <returns>False when the device does not listen for methods.</returns>
    bool TryCallMethod(string requestId, string method, ReadOnlyMemory<byte> payload);

    /// <summary>Sends what waits in the device's queue, if it asked for messages.</summary>
    void DeliverQueue();
}
