using System.Diagnostics;

namespace Serverless.Devices;

/// <summary>Where a device stands in its life.</summary>
public enum DeviceState
{
    /// <summary>Known, and not yet admitted to a hub.</summary>
    Enrolled,

    /// <summary>Admitted to a hub at least once.</summary>
    Active,

    /// <summary>Kept out while an incident is looked at. Reversible.</summary>
    Contained,

    /// <summary>To be cut off at the due time; admitted nowhere from now on. Reversible until then.</summary>
    Decommissioned,

    /// <summary>Every plane is closed and was seen closed. Final, but for an id that was freed for a new owner.</summary>
    Dead,
}

/// <summary>The stored and spoken words of states and acts. They never change.</summary>
public static class Words
{
    /// <summary>The word of a state.</summary>
    /// <param name="state">The state.</param>
    public static string Of(DeviceState state) => state switch
    {
        DeviceState.Enrolled => "enrolled",
        DeviceState.Active => "active",
        DeviceState.Contained => "contained",
        DeviceState.Decommissioned => "decommissioned",
        DeviceState.Dead => "dead",
        _ => throw new UnreachableException(),
    };

    /// <summary>The state of a word.</summary>
    /// <param name="word">The word, exactly.</param>
    /// <param name="state">The state.</param>
    public static bool TryState(string? word, out DeviceState state)
    {
        foreach (var one in Enum.GetValues<DeviceState>())
        {
            state = one;
            if (Of(one) == word) return true;
        }

        state = default;
        return false;
    }

    /// <summary>The word of a kind of key, as DPS spells its attestation types.</summary>
    /// <param name="kind">The kind.</param>
    public static string Of(KeyKind kind) => kind switch
    {
        KeyKind.X509 => "x509",
        KeyKind.Tpm => "tpm",
        KeyKind.SymmetricKey => "symmetricKey",
        _ => throw new UnreachableException(),
    };

    /// <summary>The kind of a word.</summary>
    /// <param name="word">The word, exactly.</param>
    /// <param name="kind">The kind.</param>
    public static bool TryKind(string? word, out KeyKind kind)
    {
        foreach (var one in Enum.GetValues<KeyKind>())
        {
            kind = one;
            if (Of(one) == word) return true;
        }

        kind = default;
        return false;
    }

    /// <summary>The word of an act: lower case.</summary>
    /// <param name="act">The act.</param>
    public static string Of(Act act) => act switch
    {
        Act.Enroll => "enroll",
        Act.Admit => "admit",
        Act.Observe => "observe",
        Act.Rotate => "rotate",
        Act.Amend => "amend",
        Act.Contain => "contain",
        Act.Release => "release",
        Act.Decommission => "decommission",
        Act.Restore => "restore",
        Act.Close => "close",
        Act.Bury => "bury",
        Act.Succeed => "succeed",
        _ => throw new UnreachableException(),
    };

    /// <summary>The act of a word.</summary>
    /// <param name="word">The word, exactly.</param>
    /// <param name="act">The act.</param>
    public static bool TryAct(string? word, out Act act)
    {
        foreach (var one in Enum.GetValues<Act>())
        {
            act = one;
            if (Of(one) == word) return true;
        }

        act = default;
        return false;
    }
}
