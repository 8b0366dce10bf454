using Serverless.Deploy;

return await CommandLine.Build(new Surroundings(Console.Out)).Parse(args).InvokeAsync();
