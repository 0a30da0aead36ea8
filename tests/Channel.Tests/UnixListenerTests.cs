using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

public sealed class UnixListenerTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-").FullName;

    private string SocketPath => Path.Combine(_directory, "d.sock");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_missing_directory_is_made_and_nothing_is_left_behind()
    {
        string path = Path.Combine(_directory, "sub", "deep", "d.sock");
        using (UnixListener listener = UnixListener.Open(path))
        {
            Assert.Equal(path, listener.Path);
            Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
        }
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void A_living_daemon_is_not_replaced()
    {
        using UnixListener first = UnixListener.Open(SocketPath);
        ChannelException refused = Assert.Throws<ChannelException>(() => UnixListener.Open(SocketPath));
        Assert.Contains($"process {Environment.ProcessId}", refused.Message);
        Assert.Contains(SocketPath, refused.Message);
        using UnixSocket client = UnixSocket.Connect(SocketPath);
        using UnixSocket? accepted = first.TryAccept();
        Assert.NotNull(accepted);
        Assert.Equal([SocketPath], Directory.GetFiles(_directory));
    }

    [Fact]
    public unsafe void The_socket_of_a_dead_daemon_is_replaced()
    {
        int dead = UnixSocket.Create(SocketConstants.SOCK_STREAM);
        SockaddrUn address = UnixSocket.ToAddress(SocketPath);
        Assert.Equal(0, Sockets.Bind(dead, &address, (uint)sizeof(SockaddrUn)));
        _ = Events.Close(dead);
        Assert.True(File.Exists(SocketPath));
        using UnixListener listener = UnixListener.Open(SocketPath);
        using UnixSocket client = UnixSocket.Connect(SocketPath);
        using UnixSocket? accepted = listener.TryAccept();
        Assert.NotNull(accepted);
    }

    [Fact]
    public void A_file_that_is_not_a_socket_is_left_alone()
    {
        File.WriteAllText(SocketPath, "precious");
        ChannelException refused = Assert.Throws<ChannelException>(() => UnixListener.Open(SocketPath));
        Assert.Contains("not a socket", refused.Message);
        Assert.Equal("precious", File.ReadAllText(SocketPath));
    }

    [Fact]
    public void A_path_that_no_socket_can_have_is_refused_with_its_name()
    {
        string path = Path.Combine(_directory, new string('x', 200));
        ChannelException refused = Assert.Throws<ChannelException>(() => UnixListener.Open(path));
        Assert.Contains(path, refused.Message);
    }

    [Fact]
    public void Only_one_of_many_at_once_gets_the_path()
    {
        var listeners = new List<UnixListener>();
        int refused = 0;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            try
            {
                UnixListener listener = UnixListener.Open(SocketPath);
                lock (listeners)
                    listeners.Add(listener);
            }
            catch (ChannelException)
            {
                Interlocked.Increment(ref refused);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Single(listeners);
        Assert.Equal(threads.Length - 1, refused);
        listeners[0].Dispose();
    }
}
