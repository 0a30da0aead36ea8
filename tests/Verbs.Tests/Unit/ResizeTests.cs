using CsCheck;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

public sealed class ResizeTests
{
    [Fact]
    public void Unread_completions_move_along_in_order()
    {
        Gen.Select(Gen.Int[0, 40], Gen.Int[0, 16], Gen.Int[4, 7].Select(log => 1 << log)).Sample((rotation, unread, size) =>
        {
            using var bench = new FakeBench(entries: 16);
            for (int i = 0; i < rotation; i++)
            {
                bench.Complete(0);
                if (bench.PollAll().Count != 1)
                    return false;
            }

            for (int i = 0; i < unread; i++)
                bench.Complete((ulong)i);
            bench.Queue.Resize(size);
            for (int i = unread; i < size; i++)
                bench.Complete((ulong)i);
            return bench.Queue.Capacity == size
                && bench.PollAll().Select(completion => completion.WorkRequestId).SequenceEqual(Enumerable.Range(0, size).Select(i => (ulong)i));
        }, iter: 40);
    }

    [Fact]
    public void The_old_pages_are_given_back_and_a_refusal_changes_nothing()
    {
        using var bench = new FakeBench(entries: 64);
        bench.Queue.Resize(512);
        long free = bench.Context.Driver.Allocator.FreeBytes;
        bench.Queue.Resize(500);
        Assert.Equal(free, bench.Context.Driver.Allocator.FreeBytes);
        bench.Complete(1);
        bench.Device.Errors[PvrdmaCommand.ResizeCqPages] = Errno.Invalid;
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.Queue.Resize(64)).Errno);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.Queue.Resize(0)).Errno);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.Queue.Resize(8193)).Errno);
        Assert.Equal(free, bench.Context.Driver.Allocator.FreeBytes);
        bench.Complete(2);
        Assert.Equal([1, 2], bench.PollAll().Select(completion => completion.WorkRequestId));
        Assert.Equal(512, bench.Queue.Capacity);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_notification_asked_for_before_comes_after(bool deviceMovesArmWord)
    {
        using var bench = new FakeBench();
        bench.Device.MovesArmWord = deviceMovesArmWord;
        bench.Queue.RequestNotification();
        bench.Queue.Resize(64);
        Assert.False(bench.Channel.TryGetEvent(out _));
        bench.Complete(1);
        Assert.True(bench.Device.Notify(bench.Queue.Handle));
        Assert.True(bench.Channel.TryGetEvent(out _));
        Assert.False(bench.Channel.TryGetEvent(out _));
    }

    [Fact]
    public void A_completion_in_the_middle_of_the_move_is_told()
    {
        using var bench = new FakeBench();
        bench.Queue.RequestNotification();

        // The device finds no arm word in the new pages, and so tells nobody.
        bench.Device.DuringResize = () =>
        {
            bench.Complete(1);
            Assert.False(bench.Device.Notify(bench.Queue.Handle));
        };
        bench.Queue.Resize(64);
        Assert.True(bench.Channel.TryGetEvent(out CompletionQueue? fired));
        Assert.Same(bench.Queue, fired);
        Assert.Single(bench.PollAll());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_begins_to_wait_in_the_middle_of_the_move_wakes(bool completesBefore)
    {
        using var bench = new FakeBench();
        Task? wait = null;
        if (completesBefore)
            bench.Complete(1);
        bench.Device.DuringResize = () =>
        {
            Assert.Equal(0, bench.Queue.Poll(new WorkCompletion[1]));
            wait = bench.Queue.WaitAsync(TestContext.Current.CancellationToken).AsTask();
            Assert.False(wait.IsCompleted);
        };
        bench.Queue.Resize(64);
        if (!completesBefore)
        {
            bench.Complete(1);
            Assert.True(bench.Device.Notify(bench.Queue.Handle));
        }

        await wait!.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Single(bench.PollAll());
    }

    [Fact]
    public async Task Threads_poll_through_many_resizes_without_losing_or_doubling_a_completion()
    {
        const int rounds = 60, each = 40;
        using var bench = new FakeBench(entries: 64);
        var seen = new int[rounds * each];
        int polled = 0;
        Task[] pollers = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            var buffer = new WorkCompletion[7];
            while (Volatile.Read(ref polled) < seen.Length)
            {
                int count = bench.Queue.Poll(buffer);
                for (int i = 0; i < count; i++)
                    Interlocked.Increment(ref seen[buffer[i].WorkRequestId]);
                Interlocked.Add(ref polled, count);
                if (count == 0)
                    Thread.Yield();
            }
        }))];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < each; i++)
                bench.Complete((ulong)((round * each) + i));
            bench.Queue.Resize(round % 2 == 0 ? 128 : 64);
            while (Volatile.Read(ref polled) < (round + 1) * each)
                Thread.Yield();
        }

        await Task.WhenAll(pollers);
        Assert.All(seen, count => Assert.Equal(1, count));
    }
}
