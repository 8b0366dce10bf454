using System.Globalization;
using Serverless.Devices;
using Serverless.Enrollment.Admission;
using Serverless.Enrollment.ShowDevice;
using Serverless.Faults;
using Serverless.Hosting;

namespace Serverless.Enrollment.ListDevices;

/// <summary>HTTP edge of listing devices.</summary>
internal static class ListDevices
{
    private const int TakeMax = 200;

    /// <summary>GET api/devices?state=&amp;model=&amp;owner=&amp;group=&amp;take=&amp;after=: 200 one page, in which <c>after</c> leads to the next.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapGet("api/devices", async (HttpRequest request, IDeviceLedger ledger, CancellationToken cancel) =>
        {
            if (!Parse(request.Query).TryGet(out var asked, out var fault)) return Answer.Refuse(fault);
            var page = await ledger.List(asked.Query, asked.After, asked.Take, cancel).ConfigureAwait(false);
            return Answer.From(page.Then<DevicePage>(found => new DevicePage([.. found.Items.Select(DeviceBody.Of)], found.Next)), EnrollmentJson.Default.DevicePage);
        })
        .RequireRole(Role.FleetRead, Role.DeviceEnroll);

    /// <summary>Reads the query: nothing is passed over, since a mistyped filter would list what nobody asked for.</summary>
    /// <returns>The query, or <c>query-member</c> (unknown or repeated), <c>query-state</c>, <c>query-take</c> (1 to 200), <c>query-group</c>,
    /// <c>model-name</c>, <c>owner-name</c>.</returns>
    internal static Parsed<ListQuery> Parse(IQueryCollection query)
    {
        var (state, model, owner, group, take, after) = (default(DeviceState?), default(string), default(string), default(string), 100, default(string));
        foreach (var (name, values) in query)
        {
            if (values.Count != 1) return new Fault("query-member", "query");
            var text = values[0] ?? "";
            switch (name)
            {
                case "state":
                    if (!Words.TryState(text, out var word)) return new Fault("query-state", "state");
                    state = word;
                    break;
                case "model":
                    if (!Names.Model(text).TryGet(out model, out var modelFault)) return modelFault;
                    break;
                case "owner":
                    if (!Names.Owner(text).TryGet(out owner, out var ownerFault)) return ownerFault;
                    break;
                case "group":
                    if (!DeviceId.Parse(text).TryGet(out var id, out _)) return new Fault("query-group", "group");
                    group = id.Text;
                    break;
                case "take":
                    if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out take) || take is < 1 or > TakeMax) return new Fault("query-take", "take");
                    break;
                case "after":
                    after = text;
                    break;
                default:
                    return new Fault("query-member", "query");
            }
        }

        return new ListQuery(new DeviceQuery(state, model, owner, group), after, take);
    }
}

/// <summary>What to list.</summary>
internal sealed record ListQuery(DeviceQuery Query, string? After, int Take);
