using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using RoceEngine.Embedded;
using RoceEngine.Verbs;

namespace RoceEngine.Host.Tests;

/// <summary>A guest with one QP and one memory region: the least that traffic needs.</summary>
internal sealed class Endpoint : IDisposable
{
    public const int MemoryBytes = 1 << 20;
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private unsafe void* _ownMemory;

    /// <param name="context">The device.</param>
    /// <param name="usesOwnMemory">The registered memory is the process's own, not the device's.</param>
    /// <param name="ownMemory">The process's own memory that is registered, which stays the caller's.</param>
    public unsafe Endpoint(RdmaContext context, bool usesOwnMemory = false, nint ownMemory = 0)
    {
        Context = context;
        Domain = context.AllocateProtectionDomain();
        Completions = context.CreateCompletionQueue(256);
        _ownMemory = usesOwnMemory ? NativeMemory.AlignedAlloc(MemoryBytes, 4096) : null;
        void* memory = ownMemory == 0 ? _ownMemory : (void*)ownMemory;
        Memory = memory != null ? context.UseMemory(memory, MemoryBytes) : context.AllocateMemory(MemoryBytes);
        Region = Domain.RegisterMemory(Memory, AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic);
        QueuePair = Domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = Completions,
            ReceiveCompletionQueue = Completions,
        });
    }

    public RdmaContext Context { get; }

    public ProtectionDomain Domain { get; }

    public CompletionQueue Completions { get; }

    public GuestMemory Memory { get; }

    public MemoryRegion Region { get; }

    public QueuePair QueuePair { get; }

    /// <summary>An endpoint on a device inside this process.</summary>
    public static Endpoint Embedded(string address, DriveMode drive = DriveMode.Thread, EmbeddedHost? host = null) =>
        new(EmbeddedRdma.Open(new EmbeddedOptions { Address = IPAddress.Parse(address), Drive = drive, Host = host, MemoryBytes = 8 << 20 }));

    /// <summary>An endpoint on a device of the daemon at that socket.</summary>
    public static Endpoint Attached(
        string socketPath, string? address = null, string? name = null, bool usesOwnMemory = false, nint ownMemory = 0) => new(
        RdmaContext.Attach(new AttachOptions
        {
            SocketPath = socketPath,
            Address = address is null ? null : IPAddress.Parse(address),
            MemoryBytes = 8 << 20,
            Name = name,
        }),
        usesOwnMemory,
        ownMemory);

    /// <summary>Brings both QPs to ready-to-send, connected to each other.</summary>
    public static void Connect(Endpoint a, Endpoint b, byte timeout = 14)
    {
        QueuePairAddress addressA = a.QueuePair.AddressWith(QueuePairAddress.RandomPsn());
        QueuePairAddress addressB = b.QueuePair.AddressWith(QueuePairAddress.RandomPsn());
        a.QueuePair.ToInit();
        b.QueuePair.ToInit();
        a.QueuePair.ToReadyToReceive(addressB);
        b.QueuePair.ToReadyToReceive(addressA);
        a.QueuePair.ToReadyToSend(addressA.Psn, timeout);
        b.QueuePair.ToReadyToSend(addressB.Psn, timeout);
    }

    /// <summary>Posts a signalled WRITE from the same offset here to that offset there.</summary>
    public void PostWrite(Endpoint to, int offset, int bytes, ulong id = 1) => QueuePair.PostSend(
        new SendRequest
        {
            WorkRequestId = id,
            Opcode = SendOpcode.Write,
            Flags = SendFlags.Signaled,
            RemoteAddress = to.Region.Address + (ulong)offset,
            RemoteKey = to.Region.RemoteKey,
        },
        Region.Entry(offset, bytes));

    /// <summary>Polls for one completion, giving up after a while.</summary>
    public WorkCompletion Await()
    {
        Span<WorkCompletion> completion = stackalloc WorkCompletion[1];
        long start = Stopwatch.GetTimestamp();
        while (Completions.Poll(completion) == 0)
        {
            if (Stopwatch.GetElapsedTime(start) > Patience)
                throw new TimeoutException("no completion came");
            Thread.Yield();
        }
        return completion[0];
    }

    /// <summary>Writes bytes to the other side and checks that they came.</summary>
    public void WriteAndVerify(Endpoint to, int bytes, int seed)
    {
        Span<byte> sent = Memory.AsSpan(0, bytes);
        for (int i = 0; i < bytes; i++)
            sent[i] = (byte)(31 * i + seed);
        PostWrite(to, 0, bytes);
        WorkCompletion completion = Await();
        Assert.Equal(CompletionStatus.Success, completion.Status);
        Assert.True(sent.SequenceEqual(to.Memory.AsSpan(0, bytes)));
    }

    public unsafe void Dispose()
    {
        Context.Dispose();
        NativeMemory.AlignedFree(_ownMemory);
        _ownMemory = null;
    }
}
