using RoceEngine.Abi;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <content>Port, user contexts, GID table.</content>
internal sealed unsafe partial class CommandProcessor
{
    private const uint StateActive = 4;
    private const byte PhysicalStateLinkUp = 5;
    private const byte Width4X = 2;
    private const byte SpeedEdr = 32;
    private const ushort DefaultPkey = 0xFFFF;
    private const byte RoceV2 = 2;

    // IBV_PORT_CM_SUP and IBV_PORT_IP_BASED_GIDS.
    private const uint PortCapabilities = (1 << 16) | (1 << 26);

    /// <summary>The device's one port.</summary>
    public PvrdmaPortAttributes DescribePort()
    {
        MtuCode.TryFromBytes(core.Options.ActiveMtuBytes, out uint activeMtu);
        return new PvrdmaPortAttributes
        {
            State = StateActive,
            MaxMtu = (uint)PvrdmaMtu.Mtu4096,
            ActiveMtu = activeMtu,
            GidTableLength = (uint)core.Gids.Length,
            CapabilityFlags = PortCapabilities,
            MaxMessageBytes = 1u << 31,
            PkeyTableLength = 1,
            MaxVirtualLanes = 1,
            ActiveWidth = Width4X,
            ActiveSpeed = SpeedEdr,
            PhysicalState = PhysicalStateLinkUp,
        };
    }

    private PvrdmaCommandError QueryPort(in PvrdmaQueryPort request, ref PvrdmaQueryPortResponse response)
    {
        if (request.Port != 1)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        response.Attributes = DescribePort();
        return PvrdmaCommandError.None;
    }

    private static PvrdmaCommandError QueryPkey(in PvrdmaQueryPkey request, ref PvrdmaQueryPkeyResponse response)
    {
        if (request.Port != 1 || request.Index != 0)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        response.Pkey = DefaultPkey;
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError CreateContext(in PvrdmaCreateUc request, ref PvrdmaHandleResponse response)
    {
        var context = new UserContext { UarPageFrame = request.UarPageFrame };
        if (!core.Objects.Contexts.TryAdd(context, out uint handle))
        {
            return PvrdmaCommandError.LimitReached;
        }

        context.Handle = handle;
        response.Handle = handle;
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError DestroyContext(in PvrdmaHandleCommand request)
    {
        if (core.Objects.Contexts[request.Handle] is not { } context)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        if (context.References != 0)
        {
            return PvrdmaCommandError.Busy;
        }

        core.Objects.Contexts.Remove(context.Handle);
        return PvrdmaCommandError.None;
    }

    /// <summary>The context of a handle; 0 is the driver's own, null.</summary>
    private bool TryFindContext(uint handle, out UserContext? context)
    {
        context = core.Objects.Contexts[handle];
        return handle == 0 || context is not null;
    }

    private PvrdmaCommandError CreateBind(in PvrdmaCreateBind request)
    {
        var gid = Gid.Read(request.Gid);
        if (request.Index >= (uint)core.Gids.Length || gid.IsZero || (request.GidType & RoceV2) == 0
            || request.Mtu > (uint)PvrdmaMtu.Mtu4096)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        core.Gids[(int)request.Index] = gid;
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError DestroyBind(in PvrdmaDestroyBind request)
    {
        if (!core.Gids.IsBound(request.Index))
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        core.Gids[(int)request.Index] = default;
        return PvrdmaCommandError.None;
    }
}
