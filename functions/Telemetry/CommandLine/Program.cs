using Serverless.Telemetry.CommandLine;
using Serverless.Telemetry.CommandLine.Replay;

if (args is not ["replay", ..]) return Commands.Run(args, Console.In, Console.Out, Console.Error);

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true; // what is under way is given up in order, and the ledger says how far it came
    stop.Cancel();
};
return await ReplayCommand.Run(args[1..], Console.Out, Console.Error, ReplayStores.Connect, TimeProvider.System, stop.Token).ConfigureAwait(false);
