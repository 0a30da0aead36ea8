using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

/// <summary>A daemon's side of one connection, as good or as bad as a test wants it. The script runs on a thread of its own.</summary>
internal sealed class FakeDaemon : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-").FullName;
    private readonly UnixListener _listener;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _end = new();
    private Exception? _failure;

    public FakeDaemon(Action<FakeDaemon, UnixSocket> script)
    {
        _listener = UnixListener.Open(Path.Combine(_directory, "d.sock"));
        _thread = new Thread(() =>
        {
            try
            {
                while (!IsReadable(_listener.Descriptor, TimeSpan.FromMilliseconds(20)))
                {
                    if (_end.IsSet)
                        return;
                }
                using UnixSocket socket = _listener.TryAccept() ?? throw new InvalidOperationException("nobody connected");
                script(this, socket);
            }
            catch (Exception e)
            {
                _failure = e;
            }
        });
        _thread.Start();
    }

    public string SocketPath => _listener.Path;

    /// <summary>A script that keeps the connection open waits here for the test's end.</summary>
    public void WaitForEnd() => _end.Wait();

    public void LetScriptEnd() => _end.Set();

    public static DaemonRequest ReadRequest(UnixSocket socket)
    {
        var frames = new FrameAssembler(ChannelProtocol.RequestBytesMax);
        byte[] buffer = new byte[4096];
        ReadOnlySpan<byte> frame;
        while (!frames.TryTake(out frame))
        {
            WaitReadable(socket.Descriptor);
            int received = socket.ReceiveAvailable(buffer);
            if (received <= 0)
                throw new EndOfStreamException();
            frames.Append(buffer.AsSpan(0, received));
        }
        return ChannelJson.ReadRequest(frame);
    }

    public static void Send(UnixSocket socket, DaemonReply reply) => SendRaw(socket, FrameAssembler.Frame(ChannelJson.Write(reply)));

    public static void SendRaw(UnixSocket socket, ReadOnlySpan<byte> bytes)
    {
        Assert.Equal(bytes.Length, socket.SendAvailable(bytes));
    }

    /// <summary>Answers an attach with real memory, which the caller releases.</summary>
    public static ChannelMemory SendMemory(UnixSocket socket, int descriptorCount = 6)
    {
        ChannelMemory memory = ChannelMemory.Create(1 << 20, ControlRegion.Bytes);
        SendAttached(socket, memory.Descriptors[..descriptorCount], memory.GuestRamBytes, memory.ControlBytes);
        return memory;
    }

    public static void SendAttached(UnixSocket socket, ReadOnlySpan<int> descriptors, long guestRamBytes, long controlBytes)
    {
        var attached = new AttachReply { Name = "fake0", Address = "192.0.2.1", GuestRamBytes = guestRamBytes, ControlBytes = controlBytes };
        byte[] frame = FrameAssembler.Frame(ChannelJson.Write(new DaemonReply { Attached = attached }));
        Assert.Equal(frame.Length, DescriptorPassing.Send(socket.Descriptor, frame, descriptors));
    }

    private static void WaitReadable(int descriptor)
    {
        while (!IsReadable(descriptor, TimeSpan.FromSeconds(1)))
        {
            // Its time was over, or a signal came.
        }
    }

    private static bool IsReadable(int descriptor, TimeSpan patience)
    {
        Span<PollDescriptor> descriptors = [new PollDescriptor { Descriptor = descriptor, Events = PollDescriptor.POLLIN }];
        return Events.Wait(descriptors, (long)patience.TotalNanoseconds) > 0;
    }

    public void Dispose()
    {
        _end.Set();
        _thread.Join();
        _listener.Dispose();
        _end.Dispose();
        Directory.Delete(_directory, recursive: true);
        if (_failure is not null)
            throw new InvalidOperationException($"the fake daemon's script failed: {_failure.Message}", _failure);
    }
}
