namespace EndToEnd.Tests.Support;

/// <summary>Programs and rights that a test needs and a machine may lack; without them the test is skipped and says why.</summary>
internal static class Optional
{
    /// <summary>The path of a program, or skips the test.</summary>
    public static string Program(string name)
    {
        string directories = (Environment.GetEnvironmentVariable("PATH") ?? "") + ":/usr/sbin:/sbin";
        string? path = directories.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"{name} is not installed");
        return path!;
    }

    /// <summary>Skips the test when it is not run by root.</summary>
    public static void Root() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root may do this");
}
