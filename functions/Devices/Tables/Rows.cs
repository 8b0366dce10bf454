using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Serverless.Devices.Tables;

/// <summary>Where each row of table <c>devices</c> is. Nothing here may change once rows are stored.</summary>
/// <remarks>
/// <code>
/// partition   row                      what
/// d{xx}       d:{id}                   the device                      xx: first byte of SHA-256 of the id, hex
/// d{xx}       i:{id}                   intent: keys a writer is about to take for the device
/// d{xx}       a:{id}!{revision:D10}    audit entry on its way into the trail
/// d{xx}       t:{ticks:D19}!{id}       the device is due
/// k{xx}       c:{thumbprint}           claim: the key is this device's    xx: first byte of the thumbprint
/// k{xx}       x:{thumbprint}           the key is on the denial list
/// g:{group}   group                    the group and its count
/// g:{group}   m:{id}                   a device counted in
/// groups      {group}                  the group's name, so that groups can be listed
/// </code>
/// An id's alphabet has no <c>!</c>, and its <c>:</c> comes after the fixed first two characters, so no two things share a row.
/// </remarks>
internal static class Rows
{
    public const int Buckets = 256;
    public const string Groups = "groups";
    public const string Group = "group";

    public static int BucketOf(DeviceId id) => SHA256.HashData(Encoding.ASCII.GetBytes(id.Text))[0];

    public static string Bucket(int bucket) => string.Create(CultureInfo.InvariantCulture, $"d{bucket:x2}");

    public static string Bucket(DeviceId id) => Bucket(BucketOf(id));

    public static string Device(DeviceId id) => "d:" + id.Text;

    public static string Intent(DeviceId id) => "i:" + id.Text;

    public static string Entry(DeviceId id, long revision) => string.Create(CultureInfo.InvariantCulture, $"a:{id.Text}!{revision:D10}");

    public static string Due(DateTimeOffset at, DeviceId id) => string.Create(CultureInfo.InvariantCulture, $"{DueAt(at)}!{id.Text}");

    public static string DueAt(DateTimeOffset at) => string.Create(CultureInfo.InvariantCulture, $"t:{at.UtcTicks:D19}");

    public static string Keys(KeyThumbprint key) => "k" + key.Text[..2];

    public static string Claim(KeyThumbprint key) => "c:" + key.Text;

    public static string Denial(KeyThumbprint key) => "x:" + key.Text;

    public static string GroupPartition(string group) => "g:" + group;

    public static string Member(DeviceId id) => "m:" + id.Text;
}
