using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>
/// A guest whose queue pairs do nothing by themselves: work requests about keys are carried out the moment a test posts them, and accesses are asked
/// for in a queue pair's name.
/// </summary>
internal sealed unsafe class KeyWorld : IDisposable
{
    public const ExtensionBits AllBits = ExtensionBits.MemoryWindows | ExtensionBits.ExtendedVerbs | ExtensionBits.UnreliableConnection | ExtensionBits.Inline;

    private readonly List<PassiveQueuePair> _passive = [];

    public KeyWorld(bool scattered = false, ExtensionBits extension = AllBits)
    {
        Guest = new TestGuest(new GuestOptions { Extension = extension, Scattered = scattered, Creator = PassiveQueuePair.Into(_passive) });
        Domain = Guest.CreateDomain();
        Queue = Guest.CreateCompletionQueue();
        Qp = CreateQueuePair();
        Other = CreateQueuePair();
    }

    public TestGuest Guest { get; }

    public uint Domain { get; }

    /// <summary>Where all of them complete.</summary>
    public GuestCompletionQueue Queue { get; }

    public (GuestQueuePair Guest, PassiveQueuePair Engine) Qp { get; }

    /// <summary>Another queue pair of the same domain.</summary>
    public (GuestQueuePair Guest, PassiveQueuePair Engine) Other { get; }

    public (GuestQueuePair Guest, PassiveQueuePair Engine) CreateQueuePair(uint? domain = null, PvrdmaQpType type = PvrdmaQpType.Rc)
    {
        GuestQueuePair pair = Guest.CreateQueuePair(domain ?? Domain, Queue, Queue, request => request with { QpType = (byte)type });
        return (pair, _passive[^1]);
    }

    public (uint Handle, uint Key) CreateWindow(uint type, uint? domain = null)
    {
        var request = new PvrdmaCreateMw { PdHandle = domain ?? Domain, Type = type };
        Assert.Equal(PvrdmaCommandError.None, Guest.Command(PvrdmaCommand.CreateMw, request, out PvrdmaCreateMwResponse response));
        return (response.MwHandle, response.RemoteKey);
    }

    public (uint Handle, uint Key) CreateFastRegion(uint pages = 8, uint? domain = null)
    {
        var request = new PvrdmaCreateMr { PdHandle = domain ?? Domain, Flags = PvrdmaMrFlags.FastRegister, PageCount = pages };
        Assert.Equal(PvrdmaCommandError.None, Guest.Command(PvrdmaCommand.CreateMr, request, out PvrdmaCreateMrResponse response));
        Assert.Equal(response.LocalKey, response.RemoteKey);
        return (response.MrHandle, response.LocalKey);
    }

    /// <summary>The same key with its tag one further, as ibv_inc_rkey(3) has it.</summary>
    public static uint NextTag(uint key) => (key & 0xFFFF_FF00) | ((key + 1) & 0xFF);

    /// <summary>Fetches what is posted; the verdict, and the request.</summary>
    public static FetchVerdict Fetch(
        (GuestQueuePair Guest, PassiveQueuePair Engine) qp, PvrdmaSendWqe head, out SendWorkRequest request, params ReadOnlySpan<PvrdmaSge> entries)
    {
        head.SgeCount = (uint)entries.Length;
        Assert.True(qp.Guest.TryWriteSend(head, entries));
        request = default;
        FetchVerdict verdict = qp.Engine.Host.FetchSend(qp.Engine, ref request);
        qp.Engine.Host.CompleteSend(qp.Engine, default, writeEntry: false);
        return verdict;
    }

    public static CompletionStatus Execute((GuestQueuePair Guest, PassiveQueuePair Engine) qp, PvrdmaSendWqe head)
    {
        Assert.Equal(FetchVerdict.Fetched, Fetch(qp, head, out SendWorkRequest request));
        return qp.Engine.Host.ExecuteLocal(qp.Engine, ref request);
    }

    public static CompletionStatus Bind(
        (GuestQueuePair Guest, PassiveQueuePair Engine) qp, uint key, GuestRegion region, ulong offset, ulong bytes, PvrdmaAccess access) =>
        Execute(qp, new PvrdmaSendWqe
        {
            Opcode = (uint)PvrdmaWrOpcode.BindMemoryWindow,
            BindKey = key,
            BindRegionKey = region.Key,
            BindAddress = region.Start + offset,
            BindLength = bytes,
            BindAccess = (uint)access,
        });

    public static CompletionStatus Invalidate((GuestQueuePair Guest, PassiveQueuePair Engine) qp, uint key) =>
        Execute(qp, new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.LocalInvalidate, ImmediateOrKey = key });

    public static bool InvalidateRemotely((GuestQueuePair Guest, PassiveQueuePair Engine) qp, uint key) =>
        qp.Engine.Host.InvalidateRemoteKey(qp.Engine, key) == AccessVerdict.Granted;

    /// <summary>The first byte that a remote access finds, or null when it is denied.</summary>
    public static byte* Remote(
        (GuestQueuePair Guest, PassiveQueuePair Engine) qp, uint key, ulong address, uint bytes, AccessFlags need = AccessFlags.RemoteRead)
    {
        var into = new SegmentList(new MemorySegment[16]);
        return qp.Engine.Host.TranslateRemote(qp.Engine, key, address, bytes, need, ref into) == AccessVerdict.Granted ? into.Segments[0].Address : null;
    }

    /// <summary>The first byte that a local access finds, or null when it is denied.</summary>
    public static byte* Local((GuestQueuePair Guest, PassiveQueuePair Engine) qp, uint key, ulong address, uint bytes, AccessFlags need = AccessFlags.None)
    {
        var into = new SegmentList(new MemorySegment[16]);
        return qp.Engine.Host.TranslateLocal(qp.Engine, key, address, bytes, need, ref into) == AccessVerdict.Granted ? into.Segments[0].Address : null;
    }

    public void Dispose() => Guest.Dispose();
}
