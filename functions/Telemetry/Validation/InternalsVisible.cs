using System.Runtime.CompilerServices;

// The inflater and the table's states have no other way in that a test could hold against the framework's.
[assembly: InternalsVisibleTo("Serverless.Telemetry.Tests")]
