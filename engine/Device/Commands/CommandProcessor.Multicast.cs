using RoceEngine.Abi;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <content>Multicast groups.</content>
internal sealed unsafe partial class CommandProcessor
{
    private PvrdmaCommandError AttachMulticast(in PvrdmaMulticast request) =>
        core.Objects.QueuePairs[request.QpHandle] is { } qp
            ? core.Multicast.Attach(qp, Gid.Read(request.Group))
            : PvrdmaCommandError.NoSuchObject;

    private PvrdmaCommandError DetachMulticast(in PvrdmaMulticast request) =>
        core.Objects.QueuePairs[request.QpHandle] is { } qp
            ? core.Multicast.Detach(qp, Gid.Read(request.Group))
            : PvrdmaCommandError.NoSuchObject;
}
