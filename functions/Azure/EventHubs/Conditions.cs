namespace Serverless.EventHubs;

/// <summary>AMQP error conditions that the client tells apart (OASIS AMQP 1.0 part 2, section 2.8.15 and Event Hubs' own).</summary>
internal static class Conditions
{
    public const string LinkStolen = "amqp:link:stolen";
    public const string ServerBusy = "com.microsoft:server-busy";
    public const string Unauthorized = "amqp:unauthorized-access";
    public const string NotFound = "amqp:not-found";

    /// <summary>Whether another try may help. An unknown condition counts as transient: the bound ends it.</summary>
    /// <param name="condition">The condition, or empty for a lost connection.</param>
    public static bool IsTransient(string condition) => condition is not (
        LinkStolen or NotFound or Unauthorized
        or "amqp:link:message-size-exceeded" or "amqp:not-allowed" or "amqp:not-implemented" or "amqp:invalid-field"
        or "amqp:decode-error" or "amqp:resource-limit-exceeded" or "com.microsoft:argument-error");
}
