namespace Serverless.Local.FunctionsHost.Protocol;

/// <summary>The Metadata object of a request, in order, names compared without case as the host's binding data are.</summary>
internal sealed class Metadata
{
    private readonly List<(string Name, string Json)> _members = [];

    /// <summary>Adds a member unless there is one of that name.</summary>
    public Metadata AddIfNew(string name, string json)
    {
        if (Find(name) < 0) _members.Add((name, json));
        return this;
    }

    /// <summary>Adds a member, or replaces the value of the one of that name in its place and spelling.</summary>
    public Metadata Put(string name, string json)
    {
        var at = Find(name);
        if (at < 0) _members.Add((name, json));
        else _members[at] = (_members[at].Name, json);
        return this;
    }

    /// <summary>Adds the host's own <c>sys</c>; a body that brought one displaces it to <c>$sys</c>.</summary>
    public Metadata PutSys(Sys sys) => AddIfNew(Find("sys") < 0 ? "sys" : "$sys", sys.Json);

    /// <summary>Writes the object.</summary>
    public void WriteTo(HostText text)
    {
        text.Raw("{"u8);
        for (var index = 0; index < _members.Count; index++)
        {
            if (index > 0) text.Raw(","u8);
            text.Name(_members[index].Name).Raw(_members[index].Json);
        }

        text.Raw("}"u8);
    }

    private int Find(string name) => _members.FindIndex(member => string.Equals(member.Name, name, StringComparison.OrdinalIgnoreCase));
}

/// <summary>The <c>sys</c> member: function, time and a random id of this attempt.</summary>
/// <param name="Function">The function.</param>
/// <param name="Now">Time of the attempt.</param>
/// <param name="RandGuid">Fresh randomness.</param>
internal sealed record Sys(string Function, DateTimeOffset Now, Guid RandGuid)
{
    public string Json => new HostText(128)
        .Raw("{"u8).Name("MethodName").Text(Function)
        .Raw(","u8).Name("UtcNow").Text(HostTime.Utc(Now))
        .Raw(","u8).Name("RandGuid").Text(RandGuid.ToString())
        .Raw("}"u8).ToString();
}
