using System.Text;

namespace Serverless.Devices.Tests;

/// <summary>Rows and deeds to test with.</summary>
internal static class Some
{
    public static readonly DateTimeOffset Now = new(2026, 5, 4, 3, 2, 1, TimeSpan.Zero);

    public static DeviceId Id(string text) => DeviceId.From(text);

    public static KeyThumbprint Key(string name) => KeyThumbprint.Of(Encoding.UTF8.GetBytes(name));

    public static DeviceKey X509(string name) => new(KeyKind.X509, Key(name), Now.AddDays(-1), Now.AddDays(300), Convert.ToBase64String(Encoding.UTF8.GetBytes(name)), Key("certificate " + name).Text);

    public static Deed Deed(Act act, string why = "because") => new(act, "tester", why, Now);

    public static DeviceRecord Device(string id, string? key = null) => new()
    {
        Id = Id(id),
        State = DeviceState.Enrolled,
        Model = "pump",
        Owner = "acme",
        Current = X509(key ?? "key of " + id),
        EnrolledAt = Now,
    };
}
