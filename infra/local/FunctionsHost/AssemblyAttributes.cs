using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Serverless.Local.Tests")]
