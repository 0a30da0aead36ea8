using RoceEngine.Abi;

namespace RoceEngine.Verbs;

/// <content>Work requests that change keys of the own device.</content>
public sealed unsafe partial class QueuePair
{
    /// <summary>Low bits of a key that its owner chooses.</summary>
    private const uint TagMask = 0xFF;

    /// <summary>
    /// Posts a bind: opens a window, or (type 1, no bytes) closes it. <c>ibv_bind_mw</c>; for type 2, <c>ibv_post_send</c> with IBV_WR_BIND_MW.
    /// It runs in order with the other sends; what it cannot do completes with <see cref="CompletionStatus.MemoryWindowBindError"/>.
    /// </summary>
    /// <param name="window">The window.</param>
    /// <param name="bind">What to open.</param>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="flags">Signalled or not, fenced or not.</param>
    /// <returns>The window's key from then on: <see cref="MemoryWindow.RemoteKey"/>.</returns>
    /// <exception cref="VerbsException">
    /// ENOMEM: the queue is full. EINVAL: state below RTS, a service without windows, bytes without a region. EPERM: the region is of another
    /// protection domain than the window.
    /// </exception>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public uint PostBindWindow(MemoryWindow window, in WindowBind bind, ulong workRequestId = 0, SendFlags flags = SendFlags.Signaled)
    {
        if (!TryPostBindWindow(window, in bind, out uint key, workRequestId, flags))
        {
            ThrowFull("ibv_bind_mw: the send queue is full");
        }

        return key;
    }

    /// <summary>As <see cref="PostBindWindow"/>, but a full queue is an answer.</summary>
    /// <param name="window">The window.</param>
    /// <param name="bind">What to open.</param>
    /// <param name="remoteKey">The window's key: the new one, or the old one when the queue is full.</param>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="flags">Signalled or not, fenced or not.</param>
    /// <returns>False when the queue is full.</returns>
    public bool TryPostBindWindow(
        MemoryWindow window, in WindowBind bind, out uint remoteKey, ulong workRequestId = 0, SendFlags flags = SendFlags.Signaled)
    {
        ArgumentNullException.ThrowIfNull(window);
        CheckLocal(SendOpcode.BindWindow);
        CheckBind(window, in bind);
        lock (window.BindLock)
        {
            remoteKey = window.RemoteKey;
            if (!_sends.TryClaim(_driver, out byte* slot))
            {
                return false;
            }

            remoteKey = bind.Tag is { } tag ? (remoteKey & ~TagMask) | tag : MemoryWindow.NextKey(remoteKey);
            PvrdmaSendWqe* header = BeginLocal(slot, PvrdmaWrOpcode.BindMemoryWindow, workRequestId, flags);
            header->BindAddress = bind.Address;
            header->BindLength = bind.Length;
            header->BindRegionKey = bind.Region?.LocalKey ?? 0;
            header->BindAccess = (uint)bind.Access;
            header->BindKey = remoteKey;
            window.RemoteKey = remoteKey;
            _sends.Publish(_driver);
            return true;
        }
    }

    /// <summary>
    /// Posts a fast registration: maps a region that is not mapped. <c>ib_post_send</c> with IB_WR_REG_MR. It runs in order with the other sends, which
    /// may name the new key behind it; what it cannot do completes with <see cref="CompletionStatus.MemoryWindowBindError"/>.
    /// The registration posted before, if any, must have completed.
    /// </summary>
    /// <param name="region">The region.</param>
    /// <param name="registration">What to map.</param>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="flags">Signalled or not, fenced or not.</param>
    /// <returns>The region's key from then on: <see cref="FastMemoryRegion.LocalKey"/> and <see cref="FastMemoryRegion.RemoteKey"/>.</returns>
    /// <exception cref="VerbsException">
    /// ENOMEM: the queue is full. EINVAL: state below RTS, a service without it, a range outside the memory or of too many pages, rights that contradict
    /// each other.
    /// </exception>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public uint PostFastRegister(
        FastMemoryRegion region, in FastRegistration registration, ulong workRequestId = 0, SendFlags flags = SendFlags.Signaled)
    {
        ArgumentNullException.ThrowIfNull(region);
        CheckLocal(SendOpcode.FastRegister);
        lock (_driver.CommandLock)
        {
            (long firstPage, int pageCount, ulong address) = region.Check(in registration);
            if (!_sends.TryClaim(_driver, out byte* slot))
            {
                ThrowFull("fast registration: the send queue is full");
            }

            uint key = registration.Tag is { } tag ? (region.RemoteKey & ~TagMask) | tag : MemoryWindow.NextKey(region.RemoteKey);
            region.SetPages(firstPage, pageCount);
            PvrdmaSendWqe* header = BeginLocal(slot, PvrdmaWrOpcode.FastRegisterMr, workRequestId, flags);
            header->FastRegisterIova = address;
            header->FastRegisterDirectoryAddress = region.DirectoryAddress;
            header->FastRegisterPageShift = PvrdmaPageDirectory.PageShift;
            header->FastRegisterPageCount = (uint)pageCount;
            header->FastRegisterLength = (uint)registration.Bytes;
            header->FastRegisterAccess = (uint)registration.Access;
            header->FastRegisterRemoteKey = key;
            region.OnPosted(in registration, address, key);
            _sends.Publish(_driver);
            return key;
        }
    }

    /// <summary>Posts a local invalidate: the key of a type-2 window or of a fast registration names nothing from then on. IBV_WR_LOCAL_INV.</summary>
    /// <param name="key">The key.</param>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="flags">Signalled or not, fenced or not.</param>
    /// <exception cref="VerbsException">ENOMEM: the queue is full. EINVAL: state below RTS, or a service without it.</exception>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public void PostLocalInvalidate(uint key, ulong workRequestId = 0, SendFlags flags = SendFlags.Signaled) =>
        PostSend(new SendRequest { Opcode = SendOpcode.LocalInvalidate, WorkRequestId = workRequestId, Flags = flags, Immediate = key }, []);

    private static PvrdmaSendWqe* BeginLocal(byte* slot, PvrdmaWrOpcode opcode, ulong workRequestId, SendFlags flags)
    {
        var header = (PvrdmaSendWqe*)slot;
        *header = default;
        header->WorkRequestId = workRequestId;
        header->Opcode = (uint)opcode;
        header->Flags = (uint)(flags & ~SendFlags.Inline);
        return header;
    }

    private static void CheckBind(MemoryWindow window, in WindowBind bind)
    {
        ObjectDisposedException.ThrowIf(window.IsDisposed, window);
        if (bind.Region is null)
        {
            if (bind.Length != 0)
            {
                ThrowInvalid($"ibv_bind_mw: {bind.Length} bytes without a region");
            }
        }
        else if (bind.Region.ProtectionDomain != window.ProtectionDomain)
        {
            throw new VerbsException(Errno.NotPermitted, "ibv_bind_mw: window and region belong to different protection domains");
        }
    }
}
