namespace Migration.Tests;

/// <summary>The <c>vrdma</c> command, run to its end.</summary>
internal sealed record Vrdma(int ExitCode, string Output, string Errors)
{
    public static Vrdma Run(params string[] arguments) => End(new Child("vrdma", arguments));

    /// <summary>In a mount namespace of its own, where a directory is a file system so small that nothing fits into it. Needs root.</summary>
    public static Vrdma RunOnFullDisk(string directory, params string[] arguments) => End(new Child(
        "/usr/bin/unshare",
        ["--mount", "sh", "-c", "mount -t tmpfs -o size=64k none \"$1\" && shift && exec \"$0\" \"$@\"", Path.Combine(AppContext.BaseDirectory, "vrdma"), directory, .. arguments]));

    public static string Succeed(params string[] arguments)
    {
        Vrdma run = Run(arguments);
        Assert.True(run.ExitCode == 0, $"vrdma {string.Join(' ', arguments)}: {run.Errors}");
        return run.Output;
    }

    /// <summary>What it says on standard error, a sentence for a person.</summary>
    public static string Fail(params string[] arguments)
    {
        Vrdma run = Run(arguments);
        Assert.True(run.ExitCode != 0, $"vrdma {string.Join(' ', arguments)}: {run.Output}");
        return run.Complaint;
    }

    /// <summary>Its one line on standard error.</summary>
    public string Complaint
    {
        get
        {
            Assert.NotEqual(0, ExitCode);
            Assert.DoesNotContain("   at ", Errors, StringComparison.Ordinal);
            return Assert.Single(Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }
    }

    private static Vrdma End(Child child)
    {
        using (child)
        {
            string output = child.ReadToEnd();
            int exitCode = child.AwaitExit();
            return new Vrdma(exitCode, output, child.Errors);
        }
    }
}
