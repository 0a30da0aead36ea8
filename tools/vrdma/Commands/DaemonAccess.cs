using RoceEngine.Channel;

namespace RoceEngine.Vrdma.Commands;

/// <summary>Talking to the daemon, with failures as commands report them.</summary>
internal static class DaemonAccess
{
    /// <summary>Runs a conversation with the daemon at a socket path, or at the default one.</summary>
    /// <exception cref="CommandException">No daemon there, or it refused.</exception>
    public static T Ask<T>(string? socketPath, Func<DaemonConnection, T> conversation)
    {
        try
        {
            using DaemonConnection daemon = DaemonConnection.Open(socketPath);
            return conversation(daemon);
        }
        catch (ChannelRefusedException refusal)
        {
            throw new CommandException($"the daemon refused: {refusal.Message}", inner: refusal);
        }
        catch (ChannelException failure)
        {
            throw new CommandException(failure.Message, inner: failure);
        }
    }

    /// <summary>The devices of a daemon, or the one that a name or address names.</summary>
    /// <exception cref="CommandException">There is none of that name or address: a usage error.</exception>
    public static IReadOnlyList<DeviceSummary> Select(IReadOnlyList<DeviceSummary> devices, string? nameOrAddress, string socketPath)
    {
        if (nameOrAddress is null)
            return devices;
        List<DeviceSummary> selected = [.. devices.Where(device => device.Name == nameOrAddress || device.Address == nameOrAddress)];
        return selected.Count > 0
            ? selected
            : throw new CommandException($"the daemon at {socketPath} has no device '{nameOrAddress}'", ExitCode.Usage);
    }

    /// <summary>Reports on all devices of a daemon, or on one.</summary>
    public static IReadOnlyList<DeviceReport> GetReports(string? socketPath, string? nameOrAddress) => Ask(socketPath, daemon =>
    {
        _ = Select(daemon.ListDevices(), nameOrAddress, daemon.SocketPath);
        return daemon.GetStatistics(nameOrAddress);
    });
}
