namespace Serverless.Local.FunctionsHost.App;

/// <summary>One function of an app: its folder's name and the trigger in its function.json.</summary>
/// <param name="Name">The folder's name.</param>
/// <param name="Trigger">What starts it.</param>
/// <param name="Retry">Its retry policy, if any.</param>
/// <param name="IsDisabled">Switched off by function.json or by setting <c>AzureWebJobs.{Name}.Disabled</c>.</param>
internal sealed record FunctionDefinition(string Name, Trigger Trigger, RetryPolicy? Retry, bool IsDisabled);

/// <summary>What starts a function.</summary>
/// <param name="Binding">The binding's name: the member of Data.</param>
internal abstract record Trigger(string Binding);

/// <summary>httpTrigger.</summary>
/// <param name="Binding">The binding's name.</param>
/// <param name="Route">Template below the route prefix; the function's name by default.</param>
/// <param name="Methods">Upper case; empty for all.</param>
/// <param name="Level">Which key it asks for.</param>
/// <param name="Output">Name of the http output binding, <c>$return</c> or <see langword="null"/>.</param>
internal sealed record HttpTrigger(string Binding, string Route, IReadOnlyList<string> Methods, AuthLevel Level, string? Output) : Trigger(Binding);

/// <summary>timerTrigger.</summary>
/// <param name="Binding">The binding's name.</param>
/// <param name="Schedule">NCRONTAB or constant interval.</param>
/// <param name="RunOnStartup">Also fire when the host starts.</param>
/// <param name="UseMonitor">Keep the status between starts.</param>
internal sealed record TimerTrigger(string Binding, Timers.TimerSchedule Schedule, bool RunOnStartup, bool UseMonitor) : Trigger(Binding);

/// <summary>eventHubTrigger.</summary>
/// <param name="Binding">The binding's name.</param>
/// <param name="Hub">Event hub.</param>
/// <param name="ConsumerGroup">Consumer group.</param>
/// <param name="Connection">Prefix of the connection's settings.</param>
/// <param name="IsMany">Cardinality many.</param>
/// <param name="DataType">Data type.</param>
internal sealed record EventHubTrigger(string Binding, string Hub, string ConsumerGroup, string Connection, bool IsMany, EventDataType DataType)
    : Trigger(Binding);

/// <summary>authLevel.</summary>
internal enum AuthLevel
{
    Anonymous,
    Function,
    Admin,
}

/// <summary>dataType of an event binding.</summary>
internal enum EventDataType
{
    None,
    String,
    Binary,
}
