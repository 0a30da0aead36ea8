using RoceEngine.Vrdma.Commands;

namespace Migration.Tests;

/// <summary>The <c>vrdma</c> command, run to its end.</summary>
internal sealed record Vrdma(int ExitCode, string Output, string Errors)
{
    public static Vrdma Run(params string[] arguments) => End(new Child("vrdma", arguments));

    /// <summary>In a mount namespace of its own, where a directory is a file system so small that nothing fits into it. Needs root.</summary>
    public static Vrdma RunOnFullDisk(string directory, params string[] arguments) => End(new Child(
        "/usr/bin/unshare",
        ["--mount", "sh", "-c", "mount -t tmpfs -o size=64k none \"$1\" && shift && exec \"$0\" \"$@\"", Path.Combine(AppContext.BaseDirectory, "vrdma"), directory, .. arguments]));

    /// <summary>The same command without a process of its own, where many of them would take their time. Not for two threads at once.</summary>
    public static Vrdma RunHere(params string[] arguments)
    {
        TextWriter console = Console.Out;
        TextWriter complaints = Console.Error;
        using var output = new StringWriter();
        using var errors = new StringWriter();
        Console.SetOut(output);
        Console.SetError(errors);
        try
        {
            int exitCode = CommandTree.RunAsync(arguments).GetAwaiter().GetResult();
            return new Vrdma(exitCode, output.ToString(), errors.ToString());
        }
        finally
        {
            Console.SetOut(console);
            Console.SetError(complaints);
        }
    }

    /// <summary>What it says on standard output.</summary>
    public static string Succeed(params string[] arguments) => Run(arguments).Success;

    /// <summary>What it says, and an end without trouble.</summary>
    public string Success
    {
        get
        {
            Assert.True(ExitCode == 0, Errors);
            return Output;
        }
    }

    /// <summary>Its one line on standard error, and an end in failure.</summary>
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
