using Serverless.Devices;
using Serverless.Enrollment.Admission;

namespace Serverless.Enrollment.Tests.Admission;

public sealed class AllocationTests
{
    private const string HubA = "hub-a.azure-devices.net";
    private const string HubB = "hub-b.azure-devices.net";
    private const string HubC = "hub-c.azure-devices.net"; // draining
    private static readonly DeviceKey One = Key("one");
    private static readonly DeviceKey Two = Key("two");

    private static readonly AllocationRequest Asked = new()
    {
        Id = DeviceId.From("pump-1"),
        Presented = Shown(One),
        Enrolled = [One.CertificateThumbprint!],
        Ours = true,
        LinkedHubs = [HubA, HubB],
    };

    private static readonly AllocationRequest ByGroup = Asked with { Group = "line-1", Enrolled = [] };

    private static readonly DeviceRecord Row = new()
    {
        Id = DeviceId.From("pump-1"),
        State = DeviceState.Enrolled,
        Model = "pump",
        Owner = "acme",
        Current = One,
        EnrolledAt = Pki.Now.AddDays(-1),
        ETag = "1",
        Revision = 1,
    };

    private static readonly DeviceGroup Group = new() { Id = "line-1", Owner = "acme", Models = ["pump"], DevicesMax = 10, Signers = [], NotAfter = Pki.Now };

    [Fact]
    public void A_device_enrolled_by_itself_is_admitted_and_active()
    {
        var admitted = Admit(Case(Asked, Row));
        Assert.Contains(admitted.Hub, Asked.LinkedHubs);
        Assert.Equal(Row with { State = DeviceState.Active, Hub = admitted.Hub, LastSeenAt = Pki.Now }, admitted.Row);
        Assert.True(admitted.Writes);
        Assert.Null(Transitions.Check(Row, admitted.Row, Act.Admit, Pki.Now));
    }

    [Fact]
    public void The_same_call_twice_has_the_same_answer_and_one_write()
    {
        var first = Admit(Case(Asked, Row));
        var second = Admit(Case(Asked, first.Row), Pki.Now.AddMinutes(59));
        Assert.Equal((first.Hub, false), (second.Hub, second.Writes));
        Assert.True(Admit(Case(Asked, first.Row), Pki.Now.AddHours(1)).Writes); // when it was seen is written once an hour
    }

    [Theory]
    [InlineData(DeviceState.Contained, "device-contained")]
    [InlineData(DeviceState.Decommissioned, "device-decommissioned")]
    [InlineData(DeviceState.Dead, "device-dead")]
    public void What_is_not_to_connect_is_refused_by_every_path(DeviceState state, string fault)
    {
        Refused(fault, Case(Asked, Row with { State = state }));
        Refused(fault, Case(ByGroup, Row with { State = state, Group = "line-1" }));
        Refused(fault, Case(ByGroup, Row with { State = state })); // through a group whose authority signs its name
    }

    [Fact]
    public void An_enrolment_that_is_not_ours_is_foreign()
    {
        Refused("enrollment-unknown", Case(Asked, null));
        Refused("enrollment-foreign", Case(Asked with { Ours = false }, Row));
        Refused("enrollment-foreign", Case(ByGroup, Row));
        Refused("enrollment-foreign", Case(Asked, Row with { Group = "line-1" }));
        Refused("enrollment-foreign", Case(ByGroup with { Group = "line-2" }, Row with { Group = "line-1" }));
        Refused("enrollment-unknown", Case(ByGroup, null) with { Group = null });
        Refused("enrollment-unknown", Case(ByGroup, null) with { Group = Group with { Id = "line-2" } });
    }

    [Fact]
    public void A_key_that_is_not_the_ledgers_is_refused()
    {
        Refused("key-differs", Case(Asked with { Presented = Shown(Two) }, Row));
        Refused("key-differs", Case(Asked with { Enrolled = [Two.CertificateThumbprint!] }, Row)); // DPS keeps another certificate
        Refused("key-differs", Case(Asked with { Enrolled = [One.CertificateThumbprint!, Two.CertificateThumbprint!] }, Row)); // one more
        Refused("key-differs", Case(Asked with { Enrolled = [] }, Row));
        Refused("key-differs", Case(Asked with { Presented = new Presented(KeyKind.SymmetricKey, null, null) }, Row));
        Refused("key-forbidden", Case(Asked, Row) with { KeyDenied = true });
        Refused("key-taken", Case(Asked, Row) with { KeyHolder = DeviceId.From("pump-2") });
        Admit(Case(Asked, Row) with { KeyHolder = Asked.Id });
    }

    [Fact]
    public void A_certificate_dps_does_not_show_is_compared_by_its_enrolment()
    {
        var hidden = new Presented(KeyKind.X509, null, null);
        Admit(Case(Asked with { Presented = hidden }, Row));
        Refused("key-differs", Case(Asked with { Presented = hidden, Enrolled = [Two.CertificateThumbprint!] }, Row));
        Refused("key-unseen", Case(ByGroup with { Presented = hidden }, null));
        Admit(Case(ByGroup with { Presented = hidden }, null) with { Unseen = UnseenLeaf.Accept });
        var named = new Presented(KeyKind.X509, One.CertificateThumbprint, null); // its key may be a copy, or denied: nobody could tell
        Refused("key-unseen", Case(ByGroup with { Presented = named }, null));
        Admit(Case(ByGroup with { Presented = named }, null) with { Unseen = UnseenLeaf.Accept });
    }

    [Fact]
    public void A_rotation_makes_the_certificate_in_use_the_current_one()
    {
        var rotating = Row with { Next = Two };
        var both = Asked with { Enrolled = [One.CertificateThumbprint!, Two.CertificateThumbprint!] };
        Assert.Equal((One, Two), (Admit(Case(both, rotating)).Row.Current, Admit(Case(both, rotating)).Row.Next));
        var used = Admit(Case(both with { Presented = Shown(Two) }, rotating)).Row;
        Assert.Equal((Two, One), (used.Current, used.Next));
        var seen = Admit(Case(both with { Presented = new Presented(KeyKind.X509, Two.CertificateThumbprint, null) }, rotating)).Row;
        Assert.Equal((Two, One), (seen.Current, seen.Next));
    }

    [Fact]
    public void A_groups_device_gets_its_row_at_first_admission()
    {
        var admitted = Admit(Case(ByGroup, null));
        Assert.Null(admitted.Before);
        Assert.Equal(
            new DeviceRecord
            {
                Id = ByGroup.Id,
                State = DeviceState.Active,
                Model = "pump",
                Owner = "acme",
                Group = "line-1",
                Current = One,
                Hub = admitted.Hub,
                EnrolledAt = Pki.Now,
                LastSeenAt = Pki.Now,
            },
            admitted.Row);
        Assert.Null(Transitions.Begin(admitted.Row));
        Assert.Equal(admitted.Hub, Admit(Case(ByGroup, admitted.Row)).Hub);
        var renewed = Admit(Case(ByGroup with { Presented = Shown(Two) }, admitted.Row)); // by the group's authority
        Assert.Equal(Two, renewed.Row.Current);
        Refused("key-unseen", Case(ByGroup with { Presented = new Presented(KeyKind.X509, Two.CertificateThumbprint, null) }, admitted.Row));
        Refused("group-closed", Case(ByGroup, null) with { Group = Group with { Enabled = false } });
        Admit(Case(ByGroup, null), Pki.Now);
        Refused("group-expired", Case(ByGroup, null), Pki.Now.AddTicks(1));
    }

    [Fact]
    public void A_model_is_the_ledgers_or_one_the_group_may_admit()
    {
        Admit(Case(Asked with { ClaimedModel = "pump", EnrolledModel = "pump" }, Row));
        Refused("model-differs", Case(Asked with { ClaimedModel = "gateway" }, Row));
        Refused("model-differs", Case(Asked with { EnrolledModel = "gateway" }, Row));
        Refused("model-unknown", Case(Asked, Row with { Model = "gone" }));
        var two = Group with { Models = ["gateway", "pump"] };
        Refused("model-missing", Case(ByGroup, null) with { Group = two });
        Assert.Equal("gateway", Admit(Case(ByGroup with { ClaimedModel = "gateway" }, null) with { Group = two }).Row.Model);
        Refused("model-differs", Case(ByGroup with { ClaimedModel = "legacy" }, null) with { Group = two });
    }

    [Fact]
    public void Weak_proofs_need_a_policy_that_allows_them()
    {
        var shared = new Presented(KeyKind.SymmetricKey, null, null);
        var row = Row with { Model = "legacy", Current = new DeviceKey(KeyKind.SymmetricKey, null) };
        Admit(Case(Asked with { Presented = shared, Enrolled = [] }, row));
        Refused("key-type", Case(Asked with { Presented = shared, Enrolled = [] }, row with { Model = "pump" }));
        var tpm = new DeviceKey(KeyKind.Tpm, Pki.Thumbprint("ek"));
        var module = Row with { Model = "gateway", Current = tpm };
        Admit(Case(Asked with { Presented = new Presented(KeyKind.Tpm, null, tpm), Enrolled = [] }, module));
        Refused("key-type", Case(Asked with { Presented = new Presented(KeyKind.Tpm, null, tpm), Enrolled = [] }, module with { Model = "pump" }));
        Refused("key-differs", Case(Asked with { Presented = new Presented(KeyKind.Tpm, null, new DeviceKey(KeyKind.Tpm, Pki.Thumbprint("other ek"))), Enrolled = [] }, module));
    }

    [Fact]
    public void A_device_moves_only_when_it_must()
    {
        foreach (var at in new[] { HubA, HubB }) Assert.Equal(at, Admit(Case(Asked, Row with { Hub = at })).Hub);
        var linked = Asked with { LinkedHubs = [HubA, HubB, HubC] };
        Assert.NotEqual(HubC, Admit(Case(linked, Row with { Hub = HubC })).Hub); // draining
        Assert.Equal(HubA, Admit(Case(Asked with { LinkedHubs = [HubA] }, Row with { Hub = HubB })).Hub); // no longer linked
        Refused("hub-none", Case(Asked with { LinkedHubs = [HubC] }, Row));
        Refused("hub-none", Case(Asked with { LinkedHubs = ["hub-z.azure-devices.net"] }, Row)); // linked by somebody, and not ours
        Assert.Equal("HUB-A.azure-devices.net", Admit(Case(Asked with { LinkedHubs = ["HUB-A.azure-devices.net"] }, Row with { Hub = HubA })).Hub);
    }

    [Fact]
    public void A_storm_is_refused_before_anything_else()
    {
        Refused("registrations-device-busy", Case(Asked, Row) with { Rate = Storm.Device });
        Refused("registrations-group-busy", Case(ByGroup, null) with { Rate = Storm.Group });
    }

    [Fact]
    public void Storms_begin_one_over_the_limit_and_end_with_the_minute()
    {
        var rates = new RegistrationRates();
        var at = new DateTimeOffset(Pki.Now.Year, 1, 1, 0, 0, 0, TimeSpan.Zero);
        for (var call = 0; call < 5; call++) Assert.Equal(Storm.None, rates.Take("d", null, Policies.Fleet, at));
        Assert.Equal(Storm.Device, rates.Take("d", null, Policies.Fleet, at));
        Assert.Equal(Storm.None, rates.Take("e", null, Policies.Fleet, at));
        Assert.Equal(Storm.Device, rates.Take("d", null, Policies.Fleet, at.AddSeconds(61))); // most of that minute still counts
        Assert.Equal(Storm.None, rates.Take("d", null, Policies.Fleet, at.AddSeconds(181)));
        for (var device = 0; device < 20; device++) Assert.Equal(Storm.None, rates.Take($"g{device}", "line-1", Policies.Fleet, at.AddMinutes(9)));
        Assert.Equal(Storm.Group, rates.Take("g20", "line-1", Policies.Fleet, at.AddMinutes(9)));
        Assert.Equal(Storm.None, rates.Take("g20", "line-2", Policies.Fleet, at.AddMinutes(9)));
    }

    [Fact]
    public void More_names_than_can_be_counted_are_a_storm()
    {
        var rates = new RegistrationRates();
        for (var device = 0; device < RegistrationRates.NamesMax; device++) Assert.Equal(Storm.None, rates.Take($"d{device}", null, Policies.Fleet, Pki.Now));
        Assert.Equal(Storm.Device, rates.Take("one more", null, Policies.Fleet, Pki.Now));
        Assert.Equal(Storm.None, rates.Take("d0", null, Policies.Fleet, Pki.Now)); // known already
    }

    private static AllocationCase Case(AllocationRequest request, DeviceRecord? row) =>
        new(request, row, request.Group is null ? null : Group, null, false, Storm.None, Policies.Fleet, UnseenLeaf.Refuse);

    private static Admitted Admit(AllocationCase about, DateTimeOffset? now = null)
    {
        Assert.True(Allocation.Decide(about, now ?? Pki.Now).TryGet(out var admitted, out var fault), fault?.ToString());
        return admitted;
    }

    private static void Refused(string code, AllocationCase about, DateTimeOffset? now = null) => Assert.Equal(code, Allocation.Decide(about, now ?? Pki.Now).Fault?.Code);

    private static DeviceKey Key(string name) =>
        new(KeyKind.X509, Pki.Thumbprint(name), Pki.Now, Pki.Now.AddDays(1), "AA==", Pki.Thumbprint("certificate of " + name).Text);

    private static Presented Shown(DeviceKey key) => new(KeyKind.X509, key.CertificateThumbprint, key);
}
