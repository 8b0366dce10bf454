using Serverless.Deploy;

return await CommandLine.Run(args, new Surroundings(Console.Out));
