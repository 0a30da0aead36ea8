using System.Buffers.Binary;
using System.Diagnostics;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

/// <summary>The test's end of a <see cref="FreezePeer"/>.</summary>
internal sealed unsafe class FreezePeerProcess : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-").FullName;
    private readonly Process _process;
    private readonly UnixSocket _socket;

    public FreezePeerProcess()
    {
        using UnixListener listener = UnixListener.Open(Path.Combine(_directory, "p.sock"));
        string program = Path.Combine(AppContext.BaseDirectory, typeof(FreezePeer).Assembly.GetName().Name!);
        var start = new ProcessStartInfo(program) { UseShellExecute = false };
        start.Environment[FreezePeer.SocketVariable] = listener.Path;
        _process = Process.Start(start)!;
        Span<PollDescriptor> polled = [new PollDescriptor { Descriptor = listener.Descriptor, Events = PollDescriptor.POLLIN }];
        long deadline = Environment.TickCount64 + 30_000;
        UnixSocket? socket = null;
        while (socket is null && Environment.TickCount64 < deadline && !_process.HasExited)
        {
            Events.Wait(polled, 100_000_000);
            socket = listener.TryAccept();
        }
        _socket = socket ?? throw new InvalidOperationException("the second process did not come");
    }

    public int Socket => _socket.Descriptor;

    /// <summary>Bytes and descriptors of the last answer.</summary>
    public byte Verdict { get; private set; }
    public int Answered { get; private set; }

    /// <summary>Tells the peer about memory and gives it the copy that it shall complete.</summary>
    public void ShareMemory(TrackedRam ram, GuestWriteTracker tracker, int copyDescriptor)
    {
        Span<byte> message = stackalloc byte[17];
        message[0] = (byte)PeerCommand.Memory;
        BinaryPrimitives.WriteUInt64LittleEndian(message[1..], (ulong)ram.Ram);
        BinaryPrimitives.WriteInt64LittleEndian(message[9..], ram.Bytes);
        Assert.Equal(17, DescriptorPassing.Send(Socket, message, [ram.Descriptor, tracker.WrittenDescriptor, copyDescriptor]));
        var answer = new byte[1];
        Span<PollDescriptor> polled = [new PollDescriptor { Descriptor = Socket, Events = PollDescriptor.POLLIN }];
        long deadline = Environment.TickCount64 + 10_000;
        while (Events.Wait(polled, 100_000_000) == 0 && Environment.TickCount64 < deadline)
            continue;
        Assert.Equal(1, DescriptorPassing.Receive(Socket, answer, [], out _));
        Assert.Equal(FreezePeer.Right, answer[0]);
    }

    /// <summary>One exchange; gives the memory's descriptor, or -1 when none came.</summary>
    public FreezeOutcome Exchange(GuestWriteTracker tracker, PeerCommand command, int timeoutMs, out int descriptor)
    {
        Span<byte> answer = stackalloc byte[1];
        Span<int> descriptors = [-1];
        FreezeOutcome outcome = tracker.Exchange(
            [(byte)command], Socket, timeoutMs, answer, out int answerBytes, descriptors, out int descriptorCount);
        Answered = answerBytes;
        Verdict = answer[0];
        descriptor = descriptors[0];
        Assert.Equal(descriptor >= 0 ? 1 : 0, descriptorCount);
        return outcome;
    }

    public void Dispose()
    {
        _socket.Dispose();
        if (!_process.WaitForExit(10_000))
            _process.Kill();
        _process.Dispose();
        Directory.Delete(_directory, true);
    }
}
