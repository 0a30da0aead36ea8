using System.Collections.Concurrent;
using System.Text.Json;
using RoceEngine.Abi;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

/// <summary>
/// A guest between two daemons, its memory going along, when one or both of them end at each point: it is where the word in its control region says, and
/// lost only when nobody can have its device any more.
/// </summary>
public sealed unsafe class MovingGuestTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Puppet _here = new();
    private readonly Puppet _there = new();
    private readonly BlockingCollection<DeviceMoved> _moves = [];
    private readonly DeviceChannel _channel;
    private readonly ChannelMemory _events = ChannelMemory.Create(1 << 20, ControlRegion.Bytes);
    private ChannelMemory? _memory;

    public MovingGuestTests()
    {
        Task attached = _here.Do((_, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            _memory = FakeDaemon.SendMemory(socket);
        });
        using DaemonConnection connection = DaemonConnection.Open(_here.SocketPath);
        _channel = connection.Attach(new AttachRequest());
        _channel.Moved += _moves.Add;
        Finish(attached);
    }

    public void Dispose()
    {
        _channel.Dispose();
        _here.Dispose();
        _there.Dispose();
        _memory!.Release();
        _events.Release();
        _moves.Dispose();
    }

    [Fact]
    public void A_guest_follows_a_device_that_was_taken()
    {
        MoveDecision decision = Prepare();
        Assert.True(decision.TryTake());
        _there.Say(MoveSignals.Arrived);
        ExpectMoved();
        _here.Expect(MoveSignals.Gone);
        Assert.False(_channel.IsLost);
    }

    [Fact]
    public void A_guest_whose_daemon_died_is_let_in_by_the_one_that_took_its_device()
    {
        MoveDecision decision = Prepare();
        _here.End();
        Assert.False(_channel.Lost.WaitHandle.WaitOne(100), "there is a daemon that may take the device");
        Assert.True(decision.TryTake());
        _there.Say(MoveSignals.Arrived);
        ExpectMoved();
        Assert.False(_channel.IsLost);
    }

    [Fact]
    public void A_guest_is_lost_when_its_daemon_died_and_the_other_dropped_its_device()
    {
        MoveDecision decision = Prepare();
        _here.End();
        Assert.True(decision.TryWithdraw());
        _there.Say(MoveSignals.Refused);
        ExpectLost();
        Assert.Empty(_moves);
    }

    [Fact]
    public void A_guest_is_lost_when_both_daemons_died_before_anybody_took_its_device()
    {
        MoveDecision decision = Prepare();
        _there.End();
        _here.End();
        ExpectLost();
        Assert.False(decision.TryTake());
    }

    [Fact]
    public void A_daemon_that_dies_before_it_took_the_device_leaves_the_guest_where_it_was()
    {
        MoveDecision decision = Prepare();
        _there.End();

        // The guest sees to it that nobody takes the device from then on.
        ulong* word = &((DeviceControlPage*)(_memory!.Control + ControlRegion.DevicePage))->MoveDecision;
        ulong open = decision.Attempt << 2;
        long begin = Environment.TickCount64;
        while (Volatile.Read(ref *word) == open && Environment.TickCount64 - begin < Patience.TotalMilliseconds)
            Thread.Yield();
        Assert.False(decision.TryTake());
        Assert.False(_channel.Lost.WaitHandle.WaitOne(100), "its daemon still has the device");
        _here.Say(MoveSignals.Stay);
        using var again = new Puppet();
        MoveDecision next = Prepare(again);
        Assert.False(decision.TryTake());
        Assert.True(next.TryTake());
        again.Say(MoveSignals.Arrived);
        ExpectMoved();
        again.End();
        ExpectLost();
    }

    [Fact]
    public void A_guest_is_lost_with_the_daemon_that_took_its_device()
    {
        MoveDecision decision = Prepare();
        Assert.True(decision.TryTake());
        _there.End();
        ExpectLost();
        Assert.Empty(_moves);
        Assert.False(decision.TryWithdraw());
    }

    [Fact]
    public void A_guest_that_is_told_to_stay_lets_go_of_the_other_daemon()
    {
        MoveDecision decision = Prepare();
        Assert.True(decision.TryWithdraw());
        _here.Say(MoveSignals.Stay);
        _there.ExpectEnd();
        Assert.False(_channel.IsLost);
    }

    [Theory]
    [InlineData(MoveSignals.Release)]
    [InlineData(MoveSignals.Stay)]
    public void A_guest_that_is_held_hears_what_was_said_right_after_its_release(byte release)
    {
        Assert.SkipUnless(WriteTrackingProbe.WhyNot is null, WriteTrackingProbe.WhyNot ?? "");
        _here.Say(MoveSignals.Track);
        _here.ExpectBegin(MoveSignals.Tracking);
        for (int i = 0; i < 20; i++)
        {
            _here.Say(MoveSignals.Hold);
            _here.ExpectBegin(MoveSignals.Held);
            Finish(_here.Do((_, socket) => FakeDaemon.SendRaw(
                socket, [.. FrameAssembler.Frame([release]), .. FrameAssembler.Frame([MoveSignals.Stay]), .. FrameAssembler.Frame([MoveSignals.Track])])));
            _here.ExpectBegin(MoveSignals.Tracking);
        }
    }

    [Fact]
    public void A_guest_that_is_told_to_stay_while_it_is_held_tracks_no_more()
    {
        Assert.SkipUnless(WriteTrackingProbe.WhyNot is null, WriteTrackingProbe.WhyNot ?? "");
        _here.Say(MoveSignals.Track);
        _here.ExpectBegin(MoveSignals.Tracking);
        _here.Say(MoveSignals.Hold);
        _here.ExpectBegin(MoveSignals.Held);
        _here.Say(MoveSignals.Stay);
        _here.Say(MoveSignals.Hold);
        Assert.Equal("the guest does not track its memory", System.Text.Encoding.UTF8.GetString(_here.ExpectBegin(MoveSignals.Held)));
    }

    private MoveDecision Prepare() => Prepare(_there);

    /// <summary>The daemon here begins an attempt, and the guest shows itself at the one there.</summary>
    private MoveDecision Prepare(Puppet there)
    {
        var decision = MoveDecision.Open(_memory!.Control);
        var order = new MoveOrder { SocketPath = there.SocketPath, Token = "token", Attempt = decision.Attempt, CopiesMemory = false };
        Task claimed = there.Do((_, socket) =>
        {
            Assert.Equal("token", FakeDaemon.ReadRequest(socket).Claim!.Token);
            byte[] reply = FrameAssembler.Frame(ChannelJson.Write(new DaemonReply { Claimed = new ClaimReply { Name = "moved0" } }));
            Assert.Equal(reply.Length, DescriptorPassing.Send(socket.Descriptor, reply, _events.Descriptors[2..]));
        });
        _here.Say([MoveSignals.Prepare, .. JsonSerializer.SerializeToUtf8Bytes(order, ChannelJson.Default.MoveOrder)]);
        Finish(claimed);
        _here.Expect(MoveSignals.Prepared);
        return decision;
    }

    private void ExpectMoved()
    {
        Assert.True(_moves.TryTake(out DeviceMoved? moved, (int)Patience.TotalMilliseconds, TestContext.Current.CancellationToken), "the guest did not follow");
        Assert.Equal("moved0", moved.Name);
        Assert.Equal(TimeSpan.Zero, moved.HeldTime);
    }

    private void ExpectLost() => Assert.True(_channel.Lost.WaitHandle.WaitOne(Patience), "the guest does not know that its device is lost");

    private static void Finish(Task task) => Assert.True(task.Wait((int)Patience.TotalMilliseconds, TestContext.Current.CancellationToken), "the daemon's script does not end");

    /// <summary>A daemon that does what it is told, step by step, and ends when it is told to.</summary>
    private sealed class Puppet : IDisposable
    {
        private readonly BlockingCollection<Action<FakeDaemon, UnixSocket>> _steps = [];
        private readonly FakeDaemon _daemon;
        private FrameStream? _stream;

        public Puppet() => _daemon = new FakeDaemon((self, socket) =>
        {
            foreach (Action<FakeDaemon, UnixSocket> step in _steps.GetConsumingEnumerable())
                step(self, socket);
        });

        public string SocketPath => _daemon.SocketPath;

        public Task Do(Action<FakeDaemon, UnixSocket> step)
        {
            var done = new TaskCompletionSource();
            _steps.Add((self, socket) =>
            {
                try
                {
                    step(self, socket);
                    done.SetResult();
                }
                catch (Exception e)
                {
                    done.SetException(e);
                }
            });
            return done.Task;
        }

        public void Say(params byte[] message) => Finish(Do((_, socket) => FakeDaemon.SendRaw(socket, FrameAssembler.Frame(message))));

        /// <summary>The guest says this, and nothing more than this.</summary>
        public void Expect(byte signal) => Finish(Do((_, socket) =>
        {
            byte[] said = (_stream ??= new FrameStream(socket)).Receive(Patience).ToArray();
            Assert.Equal([signal], said);
        }));

        /// <summary>The guest says this; returns what follows it.</summary>
        public byte[] ExpectBegin(byte signal)
        {
            byte[] said = [];
            Finish(Do((_, socket) =>
            {
                said = (_stream ??= new FrameStream(socket)).Receive(Patience).ToArray();
                Array.ForEach(_stream.TakeDescriptors(), descriptor => Events.Close(descriptor));
            }));
            Assert.NotEmpty(said);
            Assert.Equal(signal, said[0]);
            return said[1..];
        }

        public void ExpectEnd() => Finish(Do((_, socket) => Assert.True((_stream ??= new FrameStream(socket)).Receive(Patience).IsEmpty)));

        /// <summary>The process is killed: its socket closes.</summary>
        public void End() => _steps.CompleteAdding();

        public void Dispose()
        {
            if (!_steps.IsAddingCompleted)
                End();
            _daemon.Dispose();
            _steps.Dispose();
        }
    }
}
