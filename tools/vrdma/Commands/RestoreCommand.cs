using System.CommandLine;
using RoceEngine.Channel;
using RoceEngine.Snapshots;

namespace RoceEngine.Vrdma.Commands;

/// <summary>
/// <c>vrdma restore</c>: brings a saved device back; <c>vrdma release</c>: lets such a device go; <c>vrdma rollback</c>: puts a saved device in the place of the
/// device that it was.
/// </summary>
internal static class RestoreCommand
{
    public static Command Create()
    {
        Argument<string?> file = new("FILE") { Description = "A file that vrdma snapshot wrote.", CustomParser = CommonOptions.Word };
        Option<string?> socket = CommonOptions.Socket();
        Command command = new("restore", "Brings a device back from a snapshot: same memory, handles, keys and queue pair numbers. A process takes it by RdmaContext.AttachRestored.") { file, socket };
        command.SetAction(parsed => Run(parsed.GetValue(socket), parsed.GetValue(file)!, replaces: null));
        return command;
    }

    public static Command CreateRelease()
    {
        Argument<string?> device = new("DEVICE") { Description = "Name or address of the device.", CustomParser = CommonOptions.Word };
        Option<string?> socket = CommonOptions.Socket();
        Command command = new("release", "Lets a restored device go that no guest holds.") { device, socket };
        command.SetAction(parsed =>
        {
            _ = DaemonAccess.Ask(parsed.GetValue(socket), daemon =>
            {
                daemon.Release(parsed.GetValue(device)!);
                return true;
            });
            return ExitCode.Success;
        });
        return command;
    }

    public static Command CreateRollback()
    {
        Argument<string?> device = new("DEVICE") { Description = "Name or address of the device.", CustomParser = CommonOptions.Word };
        Argument<string?> file = new("FILE") { Description = "A snapshot of it.", CustomParser = CommonOptions.Word };
        Option<string?> socket = CommonOptions.Socket();
        Command command = new("rollback", "Has a device go back to a snapshot, with its memory. Its guest loses it, and may take it again as any process may.") { device, file, socket };
        command.SetAction(parsed => Run(parsed.GetValue(socket), parsed.GetValue(file)!, parsed.GetValue(device)!));
        return command;
    }

    private static int Run(string? socketPath, string file, string? replaces)
    {
        try
        {
            using SnapshotFileReader reader = SnapshotFileReader.Open(file);
            reader.Verify();
            SnapshotManifest manifest = reader.Manifest;
            using SavedDevice saved = SavedDevice.Create(manifest.GuestRamBytes, manifest.ControlBytes, manifest.DeviceStateBytes);
            Fill(reader, saved, manifest);
            var request = new RestoreRequest
            {
                Device = manifest.Device,
                Address = manifest.Address,
                Identity = manifest.Identity,
                SnapshotId = manifest.SnapshotId,
                Epoch = manifest.Epoch,
                WasStopped = manifest.IsSuspended,
                Replaces = replaces,
                GuestRamBytes = manifest.GuestRamBytes,
                ControlBytes = manifest.ControlBytes,
                DeviceStateBytes = manifest.DeviceStateBytes,
            };
            RestoreReply reply = DaemonAccess.Ask(socketPath, daemon => daemon.Restore(request, saved));
            Console.Out.WriteLine($"{(replaces is null ? "restored" : "rolled back")} {reply.Name} ({reply.Address}) with {reply.QueuePairs} queue pairs");
            if (reply.WhyBroken is { } why)
                Console.Out.WriteLine($"all of them are in error, each with a QP_FATAL event: {why}");
            return ExitCode.Success;
        }
        catch (SnapshotException e)
        {
            throw new CommandException(e.Message, inner: e);
        }
    }

    private static unsafe void Fill(SnapshotFileReader reader, SavedDevice saved, SnapshotManifest manifest)
    {
        reader.ReadDeviceState().CopyTo(saved.State);
        reader.ReadControl().CopyTo(saved.Control);
        reader.ReadRam(saved.GuestRam, manifest.GuestRamBytes);
    }
}
