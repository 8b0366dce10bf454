using Serverless.Telemetry.CommandLine;

return Commands.Run(args, Console.In, Console.Out, Console.Error);
