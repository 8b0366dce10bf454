using System.Runtime.CompilerServices;

// A test ages a device by setting its counts near their ends; living 2^31 messages would take hours.
[assembly: InternalsVisibleTo("Serverless.Scoring.Tests")]
