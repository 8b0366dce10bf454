using Serverless.FirmwareSigning.ReleaseCommand.Commands;
using Serverless.FirmwareSigning.ReleaseCommand.Terminal;

return await FwSign.Run(args, Surroundings.OfThisProcess(), CancellationToken.None).ConfigureAwait(false);
