namespace RoceEngine.Vrdma.Commands;

/// <summary>Where <c>libibverbs.so.1</c>, and <c>librdmacm.so.1</c> beside it, lie once they were published.</summary>
internal static class VerbsLibrary
{
    public const string FileName = "libibverbs.so.1";

    private const string Project = "guestlib/Libibverbs.Native";

    /// <summary>The command that builds it.</summary>
    public static string BuildCommand => $"dotnet publish {Path.Join(FindRepository() ?? "", Project)}";

    /// <summary>The directory that has it: beside this tool, else where its project publishes it; null when it is nowhere.</summary>
    public static string? FindDirectory()
    {
        string beside = Path.Join(AppContext.BaseDirectory, "verbs");
        string? published = FindRepository() is { } repository ? Path.Join(repository, Project, "bin", "publish") : null;
        return File.Exists(Path.Join(beside, FileName)) ? beside
            : published is not null && File.Exists(Path.Join(published, FileName)) ? published
            : null;
    }

    private static string? FindRepository()
    {
        for (string? directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (File.Exists(Path.Join(directory, "RoceEngine.sln")))
                return directory;
        }

        return null;
    }
}
