using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serverless.Faults;

namespace Serverless.Hosting;

/// <summary>The answers of HTTP functions: JSON for what was decided, RFC 9457 problem JSON for what was refused.</summary>
public static class Answer
{
    /// <summary>Answers with a decision, or with the fault that refused it.</summary>
    /// <typeparam name="T">A wire record.</typeparam>
    /// <param name="decision">What the rule said.</param>
    /// <param name="type">The record's source-generated type.</param>
    /// <param name="status">Status of an accepted decision: 200 to 299, default 200.</param>
    public static IResult From<T>(Parsed<T> decision, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
        where T : notnull =>
        decision.TryGet(out var value, out var fault) ? Json(value, type, status) : Refuse(fault);

    /// <summary>Answers with JSON.</summary>
    /// <typeparam name="T">A wire record.</typeparam>
    /// <param name="value">What to send.</param>
    /// <param name="type">The record's source-generated type.</param>
    /// <param name="status">Status, default 200.</param>
    public static IResult Json<T>(T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK) =>
        TypedResults.Json(value, type, "application/json; charset=utf-8", status);

    /// <summary>Answers with a fault: a problem carrying <c>code</c> and <c>where</c>, with the status of <see cref="FaultStatus"/>.</summary>
    /// <param name="fault">Why the request was refused.</param>
    public static IResult Refuse(Fault fault) => new Refusal(fault ?? throw new ArgumentNullException(nameof(fault)));

    internal static Task RefuseNow(HttpContext context, Fault fault)
    {
        var status = FaultStatus.Of(fault);
        var services = context.RequestServices;
        services.GetRequiredService<Meters>().Refusal(fault.Code);
        Log.RequestRefused(services.GetRequiredService<ILogger<FunctionApp>>(), RouteOf(context), Caller.Of(context.User), status, fault.Code, fault.Where);
        return Problem.Write(context, status, fault);
    }

    /// <summary>The route's pattern, which is our own text, where the path is the caller's.</summary>
    internal static string RouteOf(HttpContext context) => context.GetEndpoint()?.DisplayName ?? "no route";

    private sealed class Refusal(Fault fault) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => RefuseNow(httpContext, fault);
    }
}
