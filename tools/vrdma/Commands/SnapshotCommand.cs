using System.CommandLine;
using System.Globalization;
using System.Reflection;
using RoceEngine.Channel;
using RoceEngine.Snapshots;
using RoceEngine.Vrdma.Output;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma snapshot</c>: saves a device to a file; <c>vrdma snapshot inspect</c>: shows what such a file holds.</summary>
internal static class SnapshotCommand
{
    public static Command Create()
    {
        Argument<string?> device = new("DEVICE") { Description = "Name or address of the device.", CustomParser = CommonOptions.Word };
        Argument<string?> file = new("FILE") { Description = "The file to write.", CustomParser = CommonOptions.Word };
        Option<bool> stop = new("--stop")
        {
            Description = "End the device with it: what is restored goes on where it stopped. Otherwise the device goes on at once, and what is restored from the file later has its queue pairs in error.",
        };
        Option<bool> force = new("--force") { Description = "Replace the file when it is there." };
        Option<string?> note = new("--note") { Description = "A line to keep in the file.", HelpName = "TEXT" };
        Option<string?> socket = CommonOptions.Socket();
        Command command = new("snapshot", "Saves a device, guest memory included, to a file; its guest goes on at once.") { device, file, stop, force, note, socket };
        command.SetAction(parsed => Save(
            parsed.GetValue(socket), parsed.GetValue(device)!, parsed.GetValue(file)!, parsed.GetValue(stop), parsed.GetValue(force), parsed.GetValue(note)));
        command.Add(CreateInspect());
        return command;
    }

    private static Command CreateInspect()
    {
        Argument<string?> file = new("FILE") { Description = "A file that vrdma snapshot wrote.", CustomParser = CommonOptions.Word };
        Option<bool> json = CommonOptions.Json("Print the manifest as JSON.");
        Command command = new("inspect", "Shows what a snapshot holds, and checks it.") { file, json };
        command.SetAction(parsed => Inspect(parsed.GetValue(file)!, parsed.GetValue(json)));
        return command;
    }

    private static int Save(string? socketPath, string device, string file, bool stops, bool overwrites, string? note)
    {
        if (!overwrites && File.Exists(file))
            throw new CommandException($"{file} is there already; --force replaces it");
        try
        {
            Console.Out.WriteLine(DaemonAccess.Ask(socketPath, daemon => Save(daemon, device, file, stops, overwrites, note)));
            return ExitCode.Success;
        }
        catch (SnapshotException e)
        {
            throw new CommandException($"{e.Message} The device goes on.", inner: e);
        }
    }

    /// <summary>A device that is to stop stands still until its file is whole and on the disk: if that fails, it goes on when the connection ends.</summary>
    private static string Save(DaemonConnection daemon, string device, string file, bool stops, bool overwrites, string? note)
    {
        _ = DaemonAccess.Select(daemon.ListDevices(), device, daemon.SocketPath);
        SnapshotReply reply = daemon.Snapshot(new SnapshotRequest { Device = device, Stops = stops }, out SavedDevice saved);
        long bytes;
        using (saved)
            bytes = Write(file, overwrites, Manifest(reply, saved, stops, note), saved);
        if (stops)
            End(daemon, file);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"saved {reply.Report.Device.Name} ({reply.Report.Device.Address}) to {file}: {Readable.Bytes(bytes)}; the device stood still for {reply.FrozenMs:F2} ms, and {(stops ? "it has ended here" : "it goes on")}");
    }

    private static void End(DaemonConnection daemon, string file)
    {
        try
        {
            daemon.EndSaved();
        }
        catch (ChannelException e)
        {
            throw new CommandException($"{e.Message}; {file} is whole, and the device has ended with its daemon", inner: e);
        }
    }

    private static unsafe long Write(string file, bool overwrites, SnapshotManifest manifest, SavedDevice saved)
    {
        using SnapshotFileWriter writer = SnapshotFileWriter.Create(file, overwrites);
        writer.WriteManifest(manifest);
        writer.WriteDeviceState(saved.State);
        writer.WriteControl(saved.Control);
        writer.WriteRam(saved.GuestRam, manifest.GuestRamBytes, GuestRamMap.FromDescriptor(saved.GuestRamDescriptor, manifest.GuestRamBytes));
        writer.Complete();
        return writer.BytesWritten;
    }

    private static SnapshotManifest Manifest(SnapshotReply reply, SavedDevice saved, bool stops, string? note)
    {
        DeviceSummary device = reply.Report.Device;
        string version = typeof(SnapshotCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
        return new SnapshotManifest
        {
            Product = $"vRDMA {version}",
            TakenAt = DateTimeOffset.UtcNow,
            HostName = Environment.MachineName,
            Device = device.Name,
            Address = device.Address,
            Identity = reply.Identity,
            SnapshotId = reply.SnapshotId,
            Epoch = reply.Epoch,
            IsSuspended = stops,
            GuestRamBytes = reply.GuestRamBytes,
            UsedRamBytes = GuestRamMap.FromDescriptor(saved.GuestRamDescriptor, reply.GuestRamBytes).AllocatedBytes,
            ControlBytes = reply.ControlBytes,
            DeviceStateBytes = reply.DeviceStateBytes,
            Objects =
            [
                new SnapshotObjectCount { Name = "qp", Count = device.QueuePairs },
                new SnapshotObjectCount { Name = "cq", Count = device.CompletionQueues },
                new SnapshotObjectCount { Name = "mr", Count = device.MemoryRegions },
                new SnapshotObjectCount { Name = "mw", Count = device.MemoryWindows },
                new SnapshotObjectCount { Name = "srq", Count = device.SharedReceiveQueues },
            ],
            QueuePairs = [.. reply.Report.QueuePairs.Select(Describe)],
            Note = note,
        };
    }

    private static SnapshotQueuePair Describe(QueuePairReport queuePair) => new()
    {
        Number = queuePair.Number,
        Type = queuePair.Type,
        State = queuePair.State,
        Destination = queuePair.DestinationNumber == 0 ? null : queuePair.Destination,
        DestinationNumber = queuePair.DestinationNumber,
    };

    private static int Inspect(string file, bool isJson)
    {
        try
        {
            using SnapshotFileReader reader = SnapshotFileReader.Open(file);
            reader.Verify();
            if (isJson)
                Console.Out.WriteLine(SnapshotText.Json(reader.Manifest));
            else
                Console.Out.Write(SnapshotText.Describe(reader.Manifest, reader.FileBytes));
            return ExitCode.Success;
        }
        catch (SnapshotException e)
        {
            throw new CommandException(e.Message, inner: e);
        }
    }
}
