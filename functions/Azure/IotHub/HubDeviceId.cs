using System.Buffers;
using Serverless.Faults;

namespace Serverless.IotHub;

/// <summary>The shape of device ids (IoT Hub: identity registry, device identity properties).</summary>
public static class HubDeviceId
{
    /// <summary>Longest id, characters.</summary>
    public const int LengthMax = 128;

    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.+%_#*?!(),=@$':");

    /// <summary>Checks an id. Case counts and is left alone.</summary>
    /// <param name="id">Untrusted text.</param>
    /// <returns><see langword="null"/> when it is one; or <c>hub-device-id</c>: not 1 to 128 of ASCII letters, digits and
    /// <c>- . + % _ # * ? ! ( ) , = @ $ ' :</c>, or <c>.</c> or <c>..</c>, which no URL can name.</returns>
    public static Fault? Check(string? id) =>
        id is { Length: >= 1 and <= LengthMax } && !id.AsSpan().ContainsAnyExcept(Allowed) && id is not ("." or "..") ? null : new Fault("hub-device-id", "deviceId");
}
