using System.Runtime.InteropServices;

namespace VerbsPrograms.Tests.Support;

/// <summary>
/// <c>libibverbs.so.1</c>, published once before the first test that needs it, with the command that a user would type. A machine without a linker, the
/// SDK or the compiler's package skips those tests and says so; a library that does not build fails them.
/// </summary>
public sealed class PublishedLibrary
{
    private readonly Lazy<Task<(string? Directory, string? Missing)>> _published = new(PublishAsync);

    /// <summary>The directory that holds the library, or skips the test.</summary>
    public async Task<string> DirectoryAsync()
    {
        (string? directory, string? missing) = await _published.Value;
        Assert.SkipWhen(directory is null, missing ?? "");
        return directory!;
    }

    private static async Task<(string? Directory, string? Missing)> PublishAsync()
    {
        if (RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.Arm64))
            return (null, "the library is built for x86-64 and arm64 only");
        if (Optional.FindProgram("clang") is null && Optional.FindProgram("gcc") is null)
            return (null, "neither clang nor gcc is installed, one of which links libibverbs.so.1");
        if (Optional.FindProgram("dotnet") is not { } dotnet)
            return (null, "the .NET SDK, which builds libibverbs.so.1, is not on the PATH");
        if (Repository.Find() is not { } repository)
            return (null, "the sources of libibverbs.so.1 are not here");

        string project = Path.Join(repository, "guestlib", "Libibverbs.Native");
        ProgramResult result = await ProgramRun.RunAsync(dotnet, ["publish", project, "--configuration", "Release", "--nologo"], TimeSpan.FromMinutes(15));
        string directory = Path.Join(project, "bin", "publish");
        if (result.ExitCode == 0 && File.Exists(Path.Join(directory, "libibverbs.so.1")))
            return (directory, null);

        // NU…: the native compiler is a package, which needs a network the first time.
        Assert.True(result.Output.Contains("error NU", StringComparison.Ordinal), $"libibverbs.so.1 does not build: {result}");
        return (null, "the native compiler's package cannot be had (no network?), so libibverbs.so.1 was not built");
    }
}

/// <summary>Where the sources are.</summary>
internal static class Repository
{
    /// <summary>The root of the repository; null when the tests run elsewhere.</summary>
    public static string? Find()
    {
        for (string? directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (File.Exists(Path.Join(directory, "RoceEngine.sln")))
                return directory;
        }

        return null;
    }
}

/// <summary>Programs that a test needs and a machine may lack; without them the test is skipped and says why.</summary>
internal static class Optional
{
    /// <summary>The path of a program; null when it is not installed.</summary>
    public static string? FindProgram(string name)
    {
        string directories = (Environment.GetEnvironmentVariable("PATH") ?? "") + ":/usr/bin:/usr/sbin:/sbin";
        return directories.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(directory => Path.Join(directory, name)).FirstOrDefault(File.Exists);
    }

    /// <summary>The path of a program of a Debian package, or skips the test.</summary>
    public static string Program(string name, string package)
    {
        string? path = FindProgram(name);
        Assert.SkipWhen(path is null, $"{name} is not installed (Debian's package {package})");
        return path!;
    }
}
