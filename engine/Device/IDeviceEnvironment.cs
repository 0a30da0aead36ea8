using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <summary>What a device needs of the worker that drives it. Called from that worker's thread only.</summary>
public interface IDeviceEnvironment
{
    /// <summary>Raises an interrupt: 0 response, 1 asynchronous event, 2 completion notification. Must not block.</summary>
    void RaiseInterrupt(int vector);

    /// <summary>The route and window between two addresses, the same object for the same arguments.</summary>
    Path ResolvePath(in Gid source, in Gid destination, byte trafficClass, byte hopLimit);

    /// <summary>
    /// Packets sent to a multicast group shall come to this device too, in <see cref="VrdmaDevice.HandlePacket(in Packet, in Gid, in Gid, long)"/>.
    /// Counted: each join that succeeds needs a leave. Returns 0 or the error number: EINVAL for an address that is no group of the device's
    /// address family, ENOMEM or ENOBUFS when the host can join no more.
    /// </summary>
    int JoinMulticast(in Gid group);

    /// <summary>Takes one join back; after the last, packets of the group come no more.</summary>
    void LeaveMulticast(in Gid group);

    /// <summary>Something that the operator may want to read. The device does not limit the rate; a hostile guest can cause many.</summary>
    void Report(in DeviceReport report);
}

/// <summary>What a guest did wrong, or what went wrong for it.</summary>
public enum GuestFault : byte
{
    /// <summary>A write to a register that does not exist, or of a value it does not take.</summary>
    Register,

    /// <summary>A shared region, slot or ring outside guest memory, or impossible.</summary>
    SharedRegion,

    /// <summary>A command that was refused.</summary>
    Command,

    /// <summary>A doorbell for a handle that names nothing.</summary>
    Doorbell,

    /// <summary>A ring index that no counting leads to.</summary>
    RingIndex,

    /// <summary>A work request that is impossible.</summary>
    WorkRequest,

    /// <summary>A completion queue that was not drained in time.</summary>
    CompletionOverrun,

    /// <summary>An asynchronous event dropped because the guest did not drain its ring.</summary>
    EventOverrun,

    /// <summary>A work request that completed with an error.</summary>
    CompletionError,
}

/// <summary>A line for the operator.</summary>
/// <param name="Device">Name of the device.</param>
/// <param name="Fault">Class of the fault.</param>
/// <param name="Handle">Handle of the object, or the register or command number.</param>
/// <param name="Text">One fixed sentence.</param>
public readonly record struct DeviceReport(string Device, GuestFault Fault, uint Handle, string Text);
