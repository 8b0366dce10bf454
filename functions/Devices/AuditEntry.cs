namespace Serverless.Devices;

/// <summary>Who does what to a device, why and when.</summary>
/// <param name="By">The act.</param>
/// <param name="Who">The caller's object id, or the function that acts by itself; 1 to 128 characters.</param>
/// <param name="Why">The reason, 1 to 512 characters: for acts that need none, what brought them about.</param>
/// <param name="At">When, UTC.</param>
public sealed record Deed(Act By, string Who, string Why, DateTimeOffset At);

/// <summary>One entry of the audit trail: a change of one row that happened.</summary>
/// <param name="Device">The device.</param>
/// <param name="Revision">The row's revision after the change, 1 for the first. With the device it names the entry: the trail may hold
/// an entry twice, never two entries of one name.</param>
/// <param name="Deed">Who, what, why, when.</param>
/// <param name="From">The state before; <see langword="null"/> for the first entry.</param>
/// <param name="To">The state after.</param>
/// <param name="Changed">Which parts changed.</param>
public sealed record AuditEntry(DeviceId Device, long Revision, Deed Deed, DeviceState? From, DeviceState To, Parts Changed);
