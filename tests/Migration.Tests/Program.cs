namespace Migration.Tests;

/// <summary>The test program is its own guest: with <c>guest</c> as its first argument it runs traffic instead of tests.</summary>
internal static class Program
{
    public static int Main(string[] args)
    {
        if (args is ["guest", .. string[] guest])
            return GuestProgram.Run(guest);
        return args.Contains("--server") || args.Contains("--internal-msbuild-node")
            ? Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions).GetAwaiter().GetResult()
            : Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).GetAwaiter().GetResult();
    }
}
