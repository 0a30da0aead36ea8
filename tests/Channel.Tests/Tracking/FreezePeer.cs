using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

/// <summary>What the other process is asked to do, one byte each.</summary>
internal enum PeerCommand : byte
{
    /// <summary>
    /// Followed by address and bytes of guest RAM; with descriptors of guest RAM, the array of written pages, and a copy of guest RAM.
    /// </summary>
    Memory = (byte)'H',

    /// <summary>Copies what was written last, compares all, and answers with the copy as the new memory.</summary>
    Replace = (byte)'R',

    /// <summary>Sees that nothing changes for 2 ms and answers without memory.</summary>
    Watch = (byte)'S',

    /// <summary>The same for 50 ms.</summary>
    WatchLonger = (byte)'L',

    /// <summary>Answers with memory that is a page too small.</summary>
    OfferSmall = (byte)'U',

    /// <summary>Answers with memory that is not sealed.</summary>
    OfferUnsealed = (byte)'V',

    /// <summary>Does not answer.</summary>
    Ignore = (byte)'N',

    /// <summary>Ends without an answer.</summary>
    Die = (byte)'D',
}

/// <summary>
/// The host of a frozen guest. It must be another process, since a collection in this one may have to wait for the freeze; so this test
/// program is started a second time and comes here before anything of the test framework.
/// </summary>
internal static unsafe class FreezePeer
{
    public const string SocketVariable = "VRDMA_TEST_FREEZE_PEER";

    /// <summary>The answer when all was as it should be; anything else tells what was not.</summary>
    public const byte Right = (byte)'M';
    public const byte CopyDiffers = (byte)'X';
    public const byte MemoryChanged = (byte)'C';
    public const byte BadRegions = (byte)'B';

    private static UnixSocket s_socket = null!;
    private static byte* s_ram;
    private static byte* s_copy;
    private static PageRegion* s_written;
    private static int s_copyDescriptor;
    private static ulong s_guestStart;
    private static long s_bytes;
    private static long s_writtenBytes;

#pragma warning disable CA2255 // not a library: the second life of this program begins here
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void RunIfAsked()
    {
        if (Environment.GetEnvironmentVariable(SocketVariable) is not { Length: > 0 } path)
            return;
        s_socket = UnixSocket.Connect(path);
        var command = new byte[1];
        var descriptors = new int[4];
        while (DescriptorPassing.Receive(s_socket.Descriptor, command, descriptors, out _) == 1)
            Obey((PeerCommand)command[0], descriptors);
        Environment.Exit(0);
    }

    private static void Obey(PeerCommand command, int[] descriptors)
    {
        switch (command)
        {
            case PeerCommand.Memory:
                TakeMemory(descriptors);
                Answer(Right);
                break;
            case PeerCommand.Replace:
                byte verdict = FinishCopy();
                if (verdict == Right)
                    Answer(Right, s_copyDescriptor);
                else
                    Answer(verdict);
                break;
            case PeerCommand.Watch:
                Answer(WatchMemory(2));
                break;
            case PeerCommand.WatchLonger:
                Answer(WatchMemory(50));
                break;
            case PeerCommand.OfferSmall:
                int small = SharedMemory.CreateMemfd("small\0"u8, s_bytes - SharedMemory.PageBytes);
                SharedMemory.AddSeals(small, SharedMemory.F_SEAL_SHRINK);
                Answer(Right, small);
                break;
            case PeerCommand.OfferUnsealed:
                Answer(Right, SharedMemory.CreateMemfd("unsealed\0"u8, s_bytes));
                break;
            case PeerCommand.Die:
                Environment.Exit(0);
                break;
        }
    }

    private static void TakeMemory(int[] descriptors)
    {
        if (s_ram != null)
        {
            _ = SharedMemory.Unmap(s_ram, (nuint)s_bytes);
            _ = SharedMemory.Unmap(s_copy, (nuint)s_bytes);
            _ = SharedMemory.Unmap(s_written, (nuint)s_writtenBytes);
            _ = Events.Close(s_copyDescriptor);
        }
        var place = new byte[16];
        Assert.Equal(16, s_socket.ReceiveAvailable(place));
        s_guestStart = BinaryPrimitives.ReadUInt64LittleEndian(place);
        s_bytes = BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(8));
        s_ram = SharedMemory.MapShared(descriptors[0], s_bytes);
        s_writtenBytes = SharedMemory.GetBytes(descriptors[1]);
        s_written = (PageRegion*)SharedMemory.MapShared(descriptors[1], s_writtenBytes);
        s_copy = SharedMemory.MapShared(descriptors[2], s_bytes);
        s_copyDescriptor = descriptors[2];
        _ = Events.Close(descriptors[0]);
        _ = Events.Close(descriptors[1]);
    }

    private static byte FinishCopy()
    {
        long pages = s_bytes / SharedMemory.PageBytes;
        var bitmap = new ulong[WrittenPages.Words(pages)];
        if (!WrittenPages.TryAdd(s_written, s_writtenBytes / sizeof(PageRegion), s_guestStart, pages, bitmap))
            return BadRegions;
        TrackedRam.CopyPages(s_ram, s_copy, bitmap);
        var copy = new ReadOnlySpan<byte>(s_copy, (int)s_bytes);
        return new ReadOnlySpan<byte>(s_ram, (int)s_bytes).SequenceEqual(copy) ? Right : CopyDiffers;
    }

    private static byte WatchMemory(int milliseconds)
    {
        byte[] before = new ReadOnlySpan<byte>(s_ram, (int)s_bytes).ToArray();
        Thread.Sleep(milliseconds);
        return new ReadOnlySpan<byte>(s_ram, (int)s_bytes).SequenceEqual(before) ? Right : MemoryChanged;
    }

    private static void Answer(byte verdict, params ReadOnlySpan<int> descriptors) =>
        _ = DescriptorPassing.Send(s_socket.Descriptor, [verdict], descriptors);
}
