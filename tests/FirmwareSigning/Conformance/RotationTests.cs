using Serverless.FirmwareSigning.Signing;
using Serverless.FirmwareSigning.Tests.Simulator;

namespace Serverless.FirmwareSigning.Tests.Conformance;

/// <summary>The scenarios of the suite's test_updater_key_rotations.</summary>
public class RotationTests : RepositoryTest
{
    private static FileKey Key(int index) => TestKeys.Named($"rotation-{index}");

    /// <summary>Each root as <c>keys/threshold/signers</c>; whether the last is accepted, and the fault if not.</summary>
    public static TheoryData<string, string, string> Roots() => new()
    {
        { "1-of-1-key-rotation", "1/1/1 2/1/21 2/1/2", "" },
        { "1-of-1-key-rotation-unused-signatures", "1/1/314 2/1/3214 2/1/324", "" },
        { "3-of-5-sign-with-different-keycombos", "01234/3/024 01234/3/041 01234/3/013 01234/3/013", "" },
        { "3-of-5-one-key-rotated", "01234/3/024 01345/3/041", "" },
        { "3-of-5-one-key-rotated-with-intermediate-step", "01234/3/024 01345/3/0245 01345/3/045", "" },
        { "3-of-5-all-keys-rotated-with-intermediate-step", "01234/3/024 56789/3/024567 56789/3/567", "" },
        { "1-of-3-threshold-increase-to-2-of-3", "123/1/1 123/2/12", "" },
        { "2-of-3-threshold-decrease-to-1-of-3", "123/2/12 123/1/12 123/1/1", "" },
        { "1-of-2-threshold-increase-to-2-of-2", "1/1/1 12/2/12", "" },
        { "1-of-1-key-rotation-fail-not-signed-with-old-key", "1/1/1 2/1/234", "root-threshold-old" },
        { "1-of-1-key-rotation-fail-not-signed-with-new-key", "1/1/1 2/1/134", "root-threshold" },
        { "3-of-5-one-key-rotate-fails-not-signed-with-3-new-keys", "01234/3/024 01345/3/024", "root-threshold" },
        { "3-of-5-one-key-rotate-fails-not-signed-with-3-old-keys", "01234/3/024 01345/3/045", "root-threshold-old" },
        { "1-of-3-threshold-bump-to-2-of-3-fails-new-threshold-not-reached", "123/1/1 123/2/2", "root-threshold" },
        { "2-of-3-threshold-decr-to-1-of-3-fails-old-threshold-not-eached", "123/2/12 123/1/1", "root-threshold-old" },
    };

    [Theory, MemberData(nameof(Roots)), Trait("conformance", "test_root_rotation")]
    public async Task A_root_follows_when_both_thresholds_signed_it(string name, string roots, string fault)
    {
        Assert.NotEmpty(name);
        Repository.Unpublish("root");
        foreach (var root in roots.Split(' '))
        {
            Set("root", root);
            Repository.Publish("root");
        }
        Repository.Publish("targets", "snapshot", "timestamp");
        Assert.Equal(fault, await Client.Refresh());
        var expected = fault.Length == 0 ? Repository.Published["root"][^1] : Repository.Published["root"][^2];
        Assert.Equal(expected, Client.Store.Read("root", 1_000_000));
    }

    [Fact]
    public async Task A_session_takes_256_roots_and_the_next_one_goes_on()
    {
        for (var version = 2; version <= 258; version++) Repository.Publish("root");
        Assert.Equal("root-steps", await Client.Refresh());
        Assert.Equal(257, Client.Version("root"));
        Assert.Equal("", await Client.Refresh());
        Assert.Equal(258, Client.Version("root"));
    }

    public static TheoryData<string, string, bool> Others() => new()
    {
        { "1-of-1-key-rotation", "2/1/2", true },
        { "1-of-1-key-rotation-unused-signatures", "1/1/314", true },
        { "1-of-1-key-rotation-fail-not-signed-with-new-key", "2/1/134", false },
        { "3-of-5-one-key-signature-wrong-not-signed-with-3-expected-keys", "01345/3/024", false },
        { "2-of-5-one-key-signature-mising-threshold-not-reached", "01345/3/04", false },
        { "3-of-5-sign-first-combo", "01234/3/024", true },
        { "3-of-5-sign-second-combo", "01234/3/041", true },
        { "3-of-5-sign-third-combo", "01234/3/013", true },
        { "3-of-5-sign-fourth-combo", "01234/3/123", true },
        { "3-of-5-sign-fifth-combo", "01234/3/234", true },
    };

    [Theory, MemberData(nameof(Others)), Trait("conformance", "test_non_root_rotations")]
    public async Task A_role_follows_when_the_roots_threshold_signed_it(string name, string role, bool accepted)
    {
        Assert.NotEmpty(name);
        foreach (var rotated in new[] { "timestamp", "snapshot", "targets" })
        {
            Set(rotated, role);
            Repository.Publish("root", "targets", "snapshot", "timestamp");
            var fault = await Client.Refresh();
            Assert.Equal(accepted ? "" : $"{rotated}-threshold", fault);
            if (!accepted) Set(rotated, "1/1/1"); // heal it, so that the next role is what fails
        }
    }

    private void Set(string role, string text)
    {
        var parts = text.Split('/');
        Repository.RootKeys[role].Keys.Clear();
        Repository.Roles[role].Signers.Clear();
        Repository.RootKeys[role].Keys.AddRange(parts[0].Select(digit => Key(digit - '0').Key));
        Repository.SetThreshold(role, parts[1][0] - '0');
        Repository.Roles[role].Signers.AddRange(parts[2].Select(digit => Key(digit - '0')));
    }
}
