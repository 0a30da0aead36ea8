using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>What a command came to.</summary>
/// <param name="RegisterError">Value of the error register.</param>
/// <param name="RaisesResponse">True when the driver waits for the response interrupt.</param>
internal readonly record struct CommandOutcome(PvrdmaCommandError RegisterError, bool RaisesResponse);

/// <summary>
/// Executes the command slot: copies the command once, runs its handler, writes the response with the command's cookie. One handler per
/// command, grouped by object in the other files of this class.
/// </summary>
internal sealed unsafe partial class CommandProcessor(DeviceCore core)
{
    private byte* _commandSlot;
    private byte* _responseSlot;

    /// <summary>The two slots of the shared region: a page each.</summary>
    public PvrdmaCommandError TrySetSlots(in PvrdmaDeviceSharedRegion region)
    {
        ClearSlots();
        if ((region.CommandSlotAddress & 7) != 0 || (region.ResponseSlotAddress & 7) != 0
            || !core.Ram.TryResolve(region.CommandSlotAddress, PvrdmaCommands.RequestBytesMax, out byte* command)
            || !core.Ram.TryResolve(region.ResponseSlotAddress, PvrdmaCommands.ResponseBytesMax, out byte* response))
        {
            return PvrdmaCommandError.BadAddress;
        }

        _commandSlot = command;
        _responseSlot = response;
        return PvrdmaCommandError.None;
    }

    /// <summary>Forgets the slots.</summary>
    public void ClearSlots() => _commandSlot = _responseSlot = null;

    /// <summary>The slots may have been written.</summary>
    public void MarkSlots(DirtyLog log)
    {
        if (_responseSlot != null)
        {
            log.Mark(_responseSlot, PvrdmaCommands.ResponseBytesMax);
        }
    }

    /// <summary>Where the slots are, as part of a device's state.</summary>
    public void Transfer(StateCursor state)
    {
        if (state.Flag(_commandSlot != null))
        {
            ulong command = state.Value(_commandSlot == null ? 0 : (ulong)(_commandSlot - core.Ram.Start));
            ulong response = state.Value(_responseSlot == null ? 0 : (ulong)(_responseSlot - core.Ram.Start));
            var region = new PvrdmaDeviceSharedRegion { CommandSlotAddress = command, ResponseSlotAddress = response };
            state.Check(!state.IsLoading || TrySetSlots(region) == PvrdmaCommandError.None, "a command slot lies outside of guest memory");
        }
    }

    /// <summary>Executes what stands in the command slot.</summary>
    public CommandOutcome Execute()
    {
        if (_commandSlot == null)
        {
            return new CommandOutcome(PvrdmaCommandError.NotActive, RaisesResponse: false);
        }

        var request = default(CommandBuffer);
        Unsafe.CopyBlockUnaligned(ref request.First, ref *_commandSlot, PvrdmaCommands.RequestBytesMax);
        ref PvrdmaCommandHeader header = ref request.As<PvrdmaCommandHeader>();
        var command = (PvrdmaCommand)header.Command;

        var response = default(CommandBuffer);
        PvrdmaCommandError error = Dispatch(command, ref request, ref response);
        core.Statistics.Commands++;
        if (error != PvrdmaCommandError.None)
        {
            core.Statistics.CommandsRefused++;
            core.Fault(GuestFault.Command, header.Command, CommandText.Of(error));
            response = default;
        }

        ref PvrdmaResponseHeader answer = ref response.As<PvrdmaResponseHeader>();
        answer.Cookie = header.Cookie;
        answer.Acknowledgement = PvrdmaCommands.Acknowledgement(command);
        answer.Error = (byte)error;
        Unsafe.CopyBlockUnaligned(ref *_responseSlot, ref response.First, PvrdmaCommands.ResponseBytesMax);
        Thread.MemoryBarrier();

        bool looksIntoResponse = command == PvrdmaCommand.ModifyQp;
        return new CommandOutcome(
            looksIntoResponse ? PvrdmaCommandError.None : error,
            PvrdmaCommands.HasResponse(command) && (error == PvrdmaCommandError.None || looksIntoResponse));
    }

    private PvrdmaCommandError Dispatch(PvrdmaCommand command, ref CommandBuffer request, ref CommandBuffer response) => command switch
    {
        PvrdmaCommand.QueryPort => QueryPort(request.As<PvrdmaQueryPort>(), ref response.As<PvrdmaQueryPortResponse>()),
        PvrdmaCommand.QueryPkey => QueryPkey(request.As<PvrdmaQueryPkey>(), ref response.As<PvrdmaQueryPkeyResponse>()),
        PvrdmaCommand.CreateUc => CreateContext(request.As<PvrdmaCreateUc>(), ref response.As<PvrdmaHandleResponse>()),
        PvrdmaCommand.DestroyUc => DestroyContext(request.As<PvrdmaHandleCommand>()),
        PvrdmaCommand.CreateBind => CreateBind(request.As<PvrdmaCreateBind>()),
        PvrdmaCommand.DestroyBind => DestroyBind(request.As<PvrdmaDestroyBind>()),
        PvrdmaCommand.CreatePd => CreateDomain(request.As<PvrdmaHandleCommand>(), ref response.As<PvrdmaHandleResponse>()),
        PvrdmaCommand.DestroyPd => DestroyDomain(request.As<PvrdmaHandleCommand>()),
        PvrdmaCommand.CreateMr => CreateRegion(request.As<PvrdmaCreateMr>(), ref response.As<PvrdmaCreateMrResponse>()),
        PvrdmaCommand.DestroyMr => DestroyRegion(request.As<PvrdmaHandleCommand>()),
        PvrdmaCommand.CreateCq => CreateCompletionQueue(request.As<PvrdmaCreateCq>(), ref response.As<PvrdmaCreateCqResponse>()),
        PvrdmaCommand.DestroyCq => DestroyCompletionQueue(request.As<PvrdmaHandleCommand>()),
        PvrdmaCommand.ResizeCq => ResizeCompletionQueue(request.As<PvrdmaResizeCq>(), ref response.As<PvrdmaHandleResponse>()),
        PvrdmaCommand.ResizeCqPages when Has(ExtensionBits.ExtendedVerbs) =>
            ResizeCompletionQueue(request.As<PvrdmaResizeCqPages>(), ref response.As<PvrdmaHandleResponse>()),
        PvrdmaCommand.CreateQp => CreateQueuePair(request.As<PvrdmaCreateQp>(), ref response.As<PvrdmaCreateQpResponse>()),
        PvrdmaCommand.ModifyQp => ModifyQueuePair(request.As<PvrdmaModifyQp>()),
        PvrdmaCommand.QueryQp => QueryQueuePair(request.As<PvrdmaQueryQp>(), ref response.As<PvrdmaQueryQpResponse>()),
        PvrdmaCommand.DestroyQp => DestroyQueuePair(request.As<PvrdmaHandleCommand>(), ref response.As<PvrdmaHandleResponse>()),

        PvrdmaCommand.CreateSrq => CreateSharedReceiveQueue(request.As<PvrdmaCreateSrq>(), ref response.As<PvrdmaHandleResponse>()),
        PvrdmaCommand.ModifySrq => ModifySharedReceiveQueue(request.As<PvrdmaModifySrq>()),
        PvrdmaCommand.QuerySrq => QuerySharedReceiveQueue(request.As<PvrdmaHandleCommand>(), ref response.As<PvrdmaQuerySrqResponse>()),
        PvrdmaCommand.DestroySrq => DestroySharedReceiveQueue(request.As<PvrdmaHandleCommand>()),
        PvrdmaCommand.CreateMw when Has(ExtensionBits.MemoryWindows) =>
            CreateWindow(request.As<PvrdmaCreateMw>(), ref response.As<PvrdmaCreateMwResponse>()),
        PvrdmaCommand.DestroyMw when Has(ExtensionBits.MemoryWindows) => DestroyWindow(request.As<PvrdmaHandleCommand>()),
        PvrdmaCommand.ReregisterMr when Has(ExtensionBits.ExtendedVerbs) =>
            ReregisterRegion(request.As<PvrdmaReregisterMr>(), ref response.As<PvrdmaCreateMrResponse>()),
        PvrdmaCommand.AttachMulticast when Has(ExtensionBits.ExtendedVerbs) => AttachMulticast(request.As<PvrdmaMulticast>()),
        PvrdmaCommand.DetachMulticast when Has(ExtensionBits.ExtendedVerbs) => DetachMulticast(request.As<PvrdmaMulticast>()),
        PvrdmaCommand.NextObject when Has(ExtensionBits.ExtendedVerbs) =>
            NextObject(request.As<PvrdmaNextObject>(), ref response.As<PvrdmaNextObjectResponse>()),
        _ => PvrdmaCommandError.NotSupported,
    };

    private bool Has(ExtensionBits bit) => (core.Extension & bit) != 0;

    /// <summary>True when so many more pages may be named.</summary>
    private bool HasRoomForPages(long pages) => pages <= core.Limits.PinnedPages - core.Objects.PinnedPages;
}

/// <summary>Room for any command or response, private to the device.</summary>
[InlineArray(Words)]
internal struct CommandBuffer
{
    private const int Words = PvrdmaCommands.RequestBytesMax / sizeof(ulong);

    private ulong _first;

    /// <summary>The first byte.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public ref byte First => ref Unsafe.As<ulong, byte>(ref _first);

    /// <summary>The bytes as a command or a response, none of which is longer.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public ref T As<T>()
        where T : unmanaged => ref Unsafe.As<ulong, T>(ref _first);
}

/// <summary>Refusals in words.</summary>
internal static class CommandText
{
    public static string Of(PvrdmaCommandError error) => error switch
    {
        PvrdmaCommandError.NotPermitted => "command refused: not permitted",
        PvrdmaCommandError.NoSuchObject => "command refused: a handle names nothing",
        PvrdmaCommandError.LimitReached => "command refused: a limit of the device is reached",
        PvrdmaCommandError.BadAddress => "command refused: an address is outside guest memory",
        PvrdmaCommandError.Busy => "command refused: the object is in use",
        PvrdmaCommandError.NotSupported => "command refused: not supported",
        _ => "command refused: a field has an impossible value",
    };
}
