using System.IO.Compression;
using Serverless.Deploy.Packages;

namespace Serverless.Deploy.Tests;

public sealed class PackageTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("package-tests-");

    [Fact]
    public void The_same_files_give_the_same_bytes_wherever_whenever_and_in_whatever_order_they_were_written()
    {
        var one = Published("one", new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc), reversed: false);
        var two = Published("further/down/two", new DateTime(2026, 5, 5, 7, 7, 7, DateTimeKind.Utc), reversed: true);
        if (OperatingSystem.IsLinux()) File.SetUnixFileMode(Path.Combine(two, "host.json"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherExecute);
        var (first, second) = (Zip(one), Zip(two));
        Assert.Equal(Convert.ToHexString(first), Convert.ToHexString(second));
        Assert.True(first.Length > 1000);
    }

    [Fact]
    public void Another_byte_in_any_file_gives_another_hash()
    {
        var folder = Published("one", DateTime.UnixEpoch, reversed: false);
        var before = PackageZip.Write(folder, "handler", Path.Combine(_folder.FullName, "a.zip"));
        Assert.Equal(before, PackageZip.Write(folder, "handler", Path.Combine(_folder.FullName, "out/b.zip")));
        File.AppendAllText(Path.Combine(folder, "Function/function.json"), " ");
        Assert.NotEqual(before, PackageZip.Write(folder, "handler", Path.Combine(_folder.FullName, "a.zip")));
    }

    [Fact]
    public void Only_the_handler_can_be_run_and_symbols_stay_at_home()
    {
        using var zip = new ZipArchive(new MemoryStream(Zip(Published("one", DateTime.UnixEpoch, reversed: false))));
        Assert.Equal(["Function/function.json", "handler", "host.json", "lib/data.bin"], zip.Entries.Select(entry => entry.FullName));
        Assert.All(zip.Entries, entry => Assert.Equal(entry.FullName == "handler" ? "755" : "644", Convert.ToString((entry.ExternalAttributes >> 16) & 0x1FF, 8)));
        Assert.All(zip.Entries, entry => Assert.Equal(new DateTime(1980, 1, 1), entry.LastWriteTime.DateTime));
    }

    [Fact]
    public void An_unpacked_handler_has_its_execute_bit()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no execute bit");
            return;
        }

        var file = Path.Combine(_folder.FullName, "app.zip");
        PackageZip.Write(Published("one", DateTime.UnixEpoch, reversed: false), "handler", file);
        ZipFile.ExtractToDirectory(file, Path.Combine(_folder.FullName, "unpacked"));
        Assert.True(File.GetUnixFileMode(Path.Combine(_folder.FullName, "unpacked/handler")).HasFlag(UnixFileMode.UserExecute | UnixFileMode.OtherExecute));
        Assert.False(File.GetUnixFileMode(Path.Combine(_folder.FullName, "unpacked/host.json")).HasFlag(UnixFileMode.UserExecute));
    }

    [Theory]
    [InlineData("handler")]
    [InlineData("host.json")]
    public void A_folder_that_is_no_function_app_is_not_packed(string missing)
    {
        var folder = Published("one", DateTime.UnixEpoch, reversed: false);
        File.Delete(Path.Combine(folder, missing));
        Assert.Contains(missing, Assert.Throws<DeployException>(() => Zip(folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_app_of_this_tree_is_found_with_its_functions()
    {
        var apps = FunctionAppSource.All(Site.Repository);
        Assert.Contains("IngestTelemetry", apps.Single(app => app.Name == "telemetry").Functions);
        Assert.DoesNotContain(apps, app => app.Name is "hosting" or "faults");
        Assert.Equal(["telemetry"], FunctionAppSource.Pick(Site.Repository, ["telemetry"]).Select(app => app.Name));
        Assert.Contains("'nothing'", Assert.Throws<DeployException>(() => FunctionAppSource.Pick(Site.Repository, ["nothing"])).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static byte[] Zip(string folder)
    {
        using var bytes = new MemoryStream();
        PackageZip.Write(folder, "handler", bytes);
        return bytes.ToArray();
    }

    private string Published(string name, DateTime at, bool reversed)
    {
        var folder = Path.Combine(_folder.FullName, name);
        var files = new[] { "host.json", "handler", "handler.dbg", "handler.pdb", "Function/function.json", "lib/data.bin" };
        foreach (var file in reversed ? files.Reverse() : files)
        {
            var path = Path.Combine(folder, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, [.. Enumerable.Range(0, 2000).Select(i => (byte)((i * 31 + file.Length) % 251))]);
            File.SetLastWriteTimeUtc(path, at);
        }

        return folder;
    }
}
