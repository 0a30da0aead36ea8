using System.CommandLine;
using System.Net;
using System.Runtime.InteropServices;
using RoceEngine.Verbs;
using RoceEngine.Vrdma.Demo;
using RoceEngine.Vrdma.Demo.Moving;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma guest</c>, hidden: the guest process of the demo, driven by lines on standard input.</summary>
internal static class GuestCommand
{
    public static Command Create()
    {
        Option<string?> socket = CommonOptions.Socket();
        Option<IPAddress?> address = CommonOptions.Address("--address", "The address to attach with.");
        Option<string?> abandoned = new("--abandoned")
        {
            Description = "A directory to remove when standard input ends unasked.",
            CustomParser = CommonOptions.Word,
        };
        Option<string?> stream = new("--stream") { Description = "Stream, as sender or receiver." };
        stream.AcceptOnlyFromAmong("sender", "receiver");
        Command command = new("guest", "The guest process of the demo.") { socket, address, abandoned, stream };
        command.Hidden = true;
        command.SetAction((parsed, _) => RunAsync(
            new AttachOptions { SocketPath = parsed.GetValue(socket), Address = parsed.GetValue(address) }, parsed.GetValue(abandoned), parsed.GetValue(stream)));
        return command;
    }

    private static async Task<int> RunAsync(AttachOptions options, string? abandonedDirectory, string? stream)
    {
        // Ctrl-C is for the parent, which ends its guests in order.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        if (stream is not null)
            return StreamProgram.Run(options, stream == "sender");
        return await GuestProgram.RunAsync(options, abandonedDirectory);
    }
}
