using System.Collections;
using System.CommandLine;
using System.Net;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Vrdma.Commands;

/// <summary>
/// <c>vrdma run -- PROGRAM ARGUMENTS</c>: becomes the program, which finds this project's <c>libibverbs.so.1</c> before any other and in it a device.
/// </summary>
internal static class RunCommand
{
    private const int CannotExecute = 126;
    private const int NotFound = 127;
    private const string PathVariable = "LD_LIBRARY_PATH";

    public static Command Create()
    {
        Argument<string[]> program = new("PROGRAM")
        {
            Description = "The program and its arguments; after -- they are taken as they are.",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<IPAddress?> address = CommonOptions.Address("--address", "The address of the program's device (default: a free loopback address).");
        Option<string?> drive = new("--drive") { Description = "Who lets the device work: the program's polling threads (inline, the default) or a thread." };
        drive.AcceptOnlyFromAmong("inline", "thread");
        Option<bool> attach = new("--attach") { Description = "Use a device of the daemon instead of one in the program's process." };
        Option<string?> socket = CommonOptions.Socket();
        Option<bool> explain = new("--explain") { Description = "Print the reason of every call and every work request that fails." };
        Option<bool> noDeviceFiles = new("--no-device-files")
        {
            Description = "Leave /dev as it is, rather than show the program files below /dev/infiniband, without which UCX finds no device.",
        };
        Command command = new("run", "Runs a program written against libibverbs, with a device in its own process or of a daemon.")
        {
            address, drive, attach, socket, explain, noDeviceFiles, program,
        };
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(program),
            new Choices(
                parsed.GetValue(address),
                parsed.GetValue(drive),
                parsed.GetValue(attach) ? parsed.GetValue(socket) ?? ChannelProtocol.DefaultSocketPath() : null,
                parsed.GetValue(explain),
                !parsed.GetValue(noDeviceFiles))));
        return command;
    }

    /// <param name="Address">The device's address; null for one that is free.</param>
    /// <param name="Drive">inline or thread; null for the library's choice.</param>
    /// <param name="SocketPath">The daemon's socket; null for a device in the process.</param>
    /// <param name="Explain">Print why calls fail.</param>
    /// <param name="HasDeviceFiles">Show it files below /dev/infiniband.</param>
    private sealed record Choices(IPAddress? Address, string? Drive, string? SocketPath, bool Explain, bool HasDeviceFiles);

    private static int Run(string[] program, Choices choices)
    {
        string directory = VerbsLibrary.FindDirectory()
            ?? throw new CommandException($"{VerbsLibrary.FileName} is not built yet; build it with: {VerbsLibrary.BuildCommand}");
        Dictionary<string, string> environment = [];
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
            environment[(string)variable.Key] = (string?)variable.Value ?? "";

        if (choices.HasDeviceFiles && DeviceFiles.Provide() is { } deputy)
        {
            environment[DeviceFiles.RetryVariable] = "1";
            _ = Processes.Become(deputy[0], [.. deputy[1..], .. OwnCommandLine()], environment);
        }

        _ = environment.Remove(DeviceFiles.RetryVariable);
        environment[PathVariable] = environment.TryGetValue(PathVariable, out string? path) && path.Length > 0 ? $"{directory}:{path}" : directory;
        _ = environment.Remove("VRDMA_SOCKET");
        if (choices.SocketPath is not null)
            environment["VRDMA_SOCKET"] = choices.SocketPath;
        if (choices.Address is not null)
            environment["VRDMA_ADDRESS"] = choices.Address.ToString();
        if (choices.Drive is not null)
            environment["VRDMA_DRIVE"] = choices.Drive;
        if (choices.Explain)
            environment["VRDMA_EXPLAIN"] = "1";

        int errno = Processes.Become(program[0], program[1..], environment);
        string why = errno == Errno.ENOENT ? "there is no such program" : System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(errno);
        throw new CommandException($"cannot run {program[0]}: {why}", errno == Errno.ENOENT ? NotFound : CannotExecute);
    }

    // A tool that was started as "dotnet vrdma.dll" has that file as its first argument, else its own name.
    private static string[] OwnCommandLine()
    {
        string[] arguments = Environment.GetCommandLineArgs();
        string path = Environment.ProcessPath!;
        return Path.GetFileName(path) == "dotnet" ? [path, .. arguments] : [path, .. arguments[1..]];
    }
}
