namespace Serverless.Local.Fleet;

/// <summary>What a device of the simulated fleet does wrong. Each is one way in which a broken or hostile device shows.</summary>
public enum Misbehaviour
{
    /// <summary>Nothing: an honest device, of which nothing may ever be refused.</summary>
    None,

    /// <summary>Sends text that is not JSON.</summary>
    MalformedJson,

    /// <summary>Sends a string where a number belongs.</summary>
    WrongType,

    /// <summary>Sends more bytes than its profile allows (and fewer than IoT Hub refuses).</summary>
    Oversize,

    /// <summary>Names another device in the body.</summary>
    ForeignIdentity,

    /// <summary>Dates its readings an hour ahead.</summary>
    ClockSkew,

    /// <summary>Sends each message a second time.</summary>
    Duplicate,

    /// <summary>Sends messages of long ago again, byte for byte.</summary>
    Replay,

    /// <summary>Sends many times faster than its profile allows.</summary>
    Flood,
}
