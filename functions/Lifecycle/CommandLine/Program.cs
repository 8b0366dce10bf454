using Serverless.Lifecycle.CommandLine;

return VerifyCommand.Run(args, Console.Out, Console.Error);
