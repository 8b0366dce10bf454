using System.Collections.Concurrent;
using Serverless.FirmwareSigning.Signing;

namespace Serverless.FirmwareSigning.Tests.Simulator;

/// <summary>Keys by name, made once a run: the same name is the same key.</summary>
internal static class TestKeys
{
    private static readonly ConcurrentDictionary<string, FileKey> Made = new();

    public static FileKey Named(string name) => Made.GetOrAdd(name, _ => FileKey.Create());
}
