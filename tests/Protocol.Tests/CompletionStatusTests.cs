using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>
/// Every status that a work request of a reliable connection can complete with, provoked: IBTA vol. 1, 11.6.2. The statuses that are missing
/// belong to reliable datagrams and to what a device says of itself.
/// </summary>
public class CompletionStatusTests
{
    public static TheoryData<CompletionStatus> SendStatuses() =>
    [
        CompletionStatus.Success,
        CompletionStatus.LocalLengthError,
        CompletionStatus.LocalQpOperationError,
        CompletionStatus.LocalProtectionError,
        CompletionStatus.FlushError,
        CompletionStatus.MemoryWindowBindError,
        CompletionStatus.BadResponseError,
        CompletionStatus.RemoteInvalidRequestError,
        CompletionStatus.RemoteAccessError,
        CompletionStatus.RemoteOperationError,
        CompletionStatus.RetryExceededError,
        CompletionStatus.RnrRetryExceededError,
    ];

    public static TheoryData<CompletionStatus> ReceiveStatuses() =>
    [
        CompletionStatus.Success,
        CompletionStatus.LocalLengthError,
        CompletionStatus.LocalQpOperationError,
        CompletionStatus.LocalProtectionError,
        CompletionStatus.FlushError,
        CompletionStatus.LocalAccessError,
        CompletionStatus.RemoteInvalidRequestError,
    ];

    [Theory]
    [MemberData(nameof(SendStatuses))]
    public void A_send_request_can_complete_with(CompletionStatus status)
    {
        var lone = new Lone(new DuoOptions { RetryCount = 2, RnrRetry = 2 });
        PostDoomed(lone, status);
        lone.PostWrite(2, 8);
        lone.PostReceive(3, 8);
        lone.Poll();
        ProvokeSend(lone, status);
        bool succeeds = status == CompletionStatus.Success;
        Assert.Equal(status, lone.Rings.SendsDone[0].Completion.Status);
        Assert.Equal(1ul, lone.Rings.SendsDone[0].Completion.WorkRequestId);
        Assert.Equal(succeeds || status == CompletionStatus.FlushError, lone.Rings.SendsDone[0].Completion.Hint is null);
        Assert.Equal(succeeds ? QueuePairState.ReadyToSend : QueuePairState.Error, lone.Qp.State);
        if (!succeeds)
        {
            AssertFlushed(lone, sends: 2, receives: 1);
        }
    }

    [Theory]
    [MemberData(nameof(ReceiveStatuses))]
    public void A_receive_request_can_complete_with(CompletionStatus status)
    {
        var lone = new Lone(new DuoOptions());
        if (status == CompletionStatus.LocalQpOperationError)
        {
            lone.Rings.ImpossibleIds.Add(1);
        }

        lone.PostReceive(1, 16);
        lone.PostReceive(2, 16);
        lone.PostWrite(3, 8);
        lone.Poll();
        ProvokeReceive(lone, status);
        bool succeeds = status == CompletionStatus.Success;
        Assert.Equal(status, lone.Rings.ReceivesDone[0].Status);
        Assert.Equal(1ul, lone.Rings.ReceivesDone[0].WorkRequestId);
        Assert.Equal(succeeds || status == CompletionStatus.FlushError, lone.Rings.ReceivesDone[0].Hint is null);
        if (!succeeds)
        {
            AssertFlushed(lone, sends: 1, receives: 2);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_completes_after_the_queue_pair_was_destroyed_or_reset(bool destroy)
    {
        var lone = new Lone(new DuoOptions());
        lone.PostReceive(1, 64);
        lone.PostRead(2, 2048);
        lone.PostWrite(3, 2048);
        lone.Poll();
        lone.Receive(lone.Request(Opcode.RcSendFirst, 0, 1024));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseLast, 1, 1024));
        if (destroy)
        {
            lone.Qp.Destroy();
        }
        else
        {
            Assert.Equal(0, lone.Qp.Modify(new QueuePairAttributes { State = QueuePairState.Reset }, QueuePairAttributeMask.State, 1));
        }

        int done = lone.Rings.SendsDone.Count + lone.Rings.ReceivesDone.Count;
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseFirst, 0, 1024));
        lone.Receive(lone.Ack(3));
        lone.Receive(lone.Request(Opcode.RcSendLast, 1, 8));
        lone.Wait(10_000_000_000);
        Assert.Equal(0, lone.Poll());
        Assert.Equal(done, lone.Rings.SendsDone.Count + lone.Rings.ReceivesDone.Count);
        Assert.Equal((0, 0, 0), (lone.Host.Timers.Count, lone.Host.Resources.SlotsInUse, lone.Window.InFlightBytes));
    }

    private static void PostDoomed(Lone lone, CompletionStatus status)
    {
        switch (status)
        {
            case CompletionStatus.LocalLengthError:
                lone.Post(Requests.Make(WorkOpcode.FetchAdd, 1, lone.Base, 4, lone.Key));
                break;
            case CompletionStatus.LocalQpOperationError:
                lone.Rings.ImpossibleIds.Add(1);
                lone.PostWrite(1, 8);
                break;
            case CompletionStatus.LocalProtectionError:
                lone.Post(Requests.Write(1, lone.Base, 8, 0x7777, 0, 0));
                break;
            case CompletionStatus.MemoryWindowBindError:
                lone.Host.LocalOutcome = CompletionStatus.MemoryWindowBindError;
                lone.Post(Requests.Make(WorkOpcode.BindWindow, 1, 0, 0, 0));
                break;
            case CompletionStatus.BadResponseError:
                lone.PostRead(1, 8);
                break;
            default:
                lone.Post(Requests.Send(1, lone.Base, 8, lone.Key));
                break;
        }
    }

    private static void ProvokeSend(Lone lone, CompletionStatus status)
    {
        switch (status)
        {
            case CompletionStatus.Success:
                lone.Receive(lone.Ack(0));
                break;
            case CompletionStatus.FlushError:
                Assert.Equal(0, lone.Qp.Modify(new QueuePairAttributes { State = QueuePairState.Error }, QueuePairAttributeMask.State, 1));
                break;
            case CompletionStatus.RemoteInvalidRequestError:
                lone.Receive(lone.Acknowledge(0, AethSyndrome.Nak(NakCode.InvalidRequest)));
                break;
            case CompletionStatus.RemoteAccessError:
                lone.Receive(lone.Acknowledge(0, AethSyndrome.Nak(NakCode.RemoteAccessError)));
                break;
            case CompletionStatus.RemoteOperationError:
                lone.Receive(lone.Acknowledge(0, AethSyndrome.Nak(NakCode.RemoteOperationalError)));
                break;
            case CompletionStatus.BadResponseError:
            case CompletionStatus.RetryExceededError:
            case CompletionStatus.RnrRetryExceededError:
                Exhaust(lone, status);
                break;
        }
    }

    private static void Exhaust(Lone lone, CompletionStatus status)
    {
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
            if (status == CompletionStatus.BadResponseError)
            {
                lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 0, 9));
            }
            else if (status == CompletionStatus.RnrRetryExceededError)
            {
                lone.Receive(lone.Acknowledge(0, AethSyndrome.RnrNak(1)));
            }

            lone.Wait(status == CompletionStatus.RnrRetryExceededError ? RnrTimer.Nanoseconds(1) : AckTimeout.Nanoseconds(lone.Options.Timeout));
            lone.Poll();
        }
    }

    private static void ProvokeReceive(Lone lone, CompletionStatus status)
    {
        switch (status)
        {
            case CompletionStatus.LocalLengthError:
                lone.Receive(lone.Request(Opcode.RcSendOnly, 0, 17));
                break;
            case CompletionStatus.LocalProtectionError:
                lone.Host.Memory.Deregister(lone.Key);
                lone.Receive(lone.Request(Opcode.RcSendOnly, 0, 8));
                break;
            case CompletionStatus.FlushError:
                Assert.Equal(0, lone.Qp.Modify(new QueuePairAttributes { State = QueuePairState.Error }, QueuePairAttributeMask.State, 1));
                break;
            case CompletionStatus.LocalAccessError:
                lone.Receive(lone.Request(Opcode.RcWriteOnlyImmediate, 0, 8) with { RemoteKey = 0x1234 });
                break;
            case CompletionStatus.RemoteInvalidRequestError:
                lone.Host.InvalidatedKeys.Add(0x55);
                lone.Receive(lone.Request(Opcode.RcSendOnlyInvalidate, 0, 8) with { ImmediateOrKey = 0x55 });
                break;
            default:
                lone.Receive(lone.Request(Opcode.RcSendOnly, 0, 8));
                break;
        }
    }

    /// <summary>After the first failure both queues are flushed in order, and nothing is held.</summary>
    private static void AssertFlushed(Lone lone, int sends, int receives)
    {
        Assert.Equal(sends, lone.Rings.SendsDone.Count);
        Assert.Equal(receives, lone.Rings.ReceivesDone.Count);
        Assert.All(lone.Rings.SendsDone.Skip(1), done => Assert.Equal(CompletionStatus.FlushError, done.Completion.Status));
        Assert.All(lone.Rings.ReceivesDone.Skip(1), done => Assert.Equal(CompletionStatus.FlushError, done.Status));
        Assert.Equal(lone.Rings.SendsDone.Select(done => done.Completion.WorkRequestId).Order(), lone.Rings.SendsDone.Select(done => done.Completion.WorkRequestId));
        Assert.Equal(lone.Rings.ReceivesDone.Select(done => done.WorkRequestId).Order(), lone.Rings.ReceivesDone.Select(done => done.WorkRequestId));
        Assert.Equal((0, 0), (lone.Host.Resources.SlotsInUse, lone.Window.InFlightBytes));
        lone.Wait(10_000_000_000);
        Assert.Equal(0, lone.Host.Timers.Count);
    }
}
