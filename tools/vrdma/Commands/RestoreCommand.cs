using System.CommandLine;
using RoceEngine.Channel;
using RoceEngine.Snapshots;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma restore</c>: brings a saved device back; <c>vrdma release</c>: lets such a device go.</summary>
internal static class RestoreCommand
{
    public static Command Create()
    {
        Argument<string?> file = new("FILE") { Description = "A file that vrdma snapshot wrote.", CustomParser = CommonOptions.Word };
        Option<string?> socket = CommonOptions.Socket();
        Command command = new("restore", "Brings a device back from a snapshot: same memory, handles, keys and queue pair numbers. No guest holds it.") { file, socket };
        command.SetAction(parsed => Run(parsed.GetValue(socket), parsed.GetValue(file)!));
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

    private static int Run(string? socketPath, string file)
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
                GuestRamBytes = manifest.GuestRamBytes,
                ControlBytes = manifest.ControlBytes,
                DeviceStateBytes = manifest.DeviceStateBytes,
            };
            RestoreReply reply = DaemonAccess.Ask(socketPath, daemon => daemon.Restore(request, saved));
            Console.Out.WriteLine($"restored {reply.Name} ({reply.Address}) with {reply.QueuePairs} queue pairs");
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
