using System.Diagnostics;
using System.Globalization;
using RoceEngine.Verbs;

namespace RoceEngine.Vrdma.Demo;

/// <summary>Runs and checks passes with the verbs: the part of the demo that an application would write.</summary>
internal static class Operations
{
    /// <summary>How long a completion may take before the pass is given up.</summary>
    private static readonly TimeSpan CompletionPatience = TimeSpan.FromSeconds(20);

    /// <summary>Polls without a completion before the poller lets others run.</summary>
    private const int PollsPerYield = 64;

    public static bool IsAtomic(DemoOperation operation) => operation is DemoOperation.CompareSwap or DemoOperation.FetchAdd;

    /// <summary>Fills the memory, and posts the receives that the pass will take.</summary>
    public static void Prepare(GuestSession session, Pass pass, bool isRequester)
    {
        if (IsAtomic(pass.Operation))
        {
            session.Area.Fill(pass, isRequester, withMessages: false);
            if (!isRequester)
                session.Area.WriteWord(0, AtomicModel.InitialValue(pass));
            return;
        }

        bool isSource = isRequester != (pass.Operation == DemoOperation.Read);
        session.Area.Fill(pass, isRequester, isSource);
        for (int i = 0; !isRequester && ReceivesMessage(pass.Operation) && i < pass.Messages; i++)
        {
            // A WRITE with immediate consumes a receive but does not use its buffer.
            if (pass.Operation == DemoOperation.WriteWithImmediate)
                session.QueuePair.PostReceive((ulong)i, []);
            else
                session.QueuePair.PostReceive((ulong)i, [session.Area.Slot(pass.Bytes, i)]);
        }
    }

    /// <summary>Posts the messages, never more than the window outstanding, and takes their completions in order.</summary>
    public static GuestReply Run(GuestSession session, Pass pass)
    {
        long[] postedTicks = new long[pass.Messages];
        double[] latencies = new double[pass.Messages];
        ulong[] model = IsAtomic(pass.Operation) ? AtomicModel.Values(pass) : [];
        int posted = 0;
        long begin = Stopwatch.GetTimestamp();
        for (int completed = 0; completed < pass.Messages; completed++)
        {
            for (; posted < pass.Messages && posted - completed < pass.Window; posted++)
            {
                postedTicks[posted] = Stopwatch.GetTimestamp();
                Post(session, pass, model, posted);
            }

            WorkCompletion completion = NextCompletion(session);
            latencies[completed] = Stopwatch.GetElapsedTime(postedTicks[completed]).TotalMicroseconds;
            RequireSuccess(completion, pass, completed, "completed with status");
            Require(completion.WorkRequestId == (ulong)completed, pass, completed, "completed out of order, as", completion.WorkRequestId);
            Require(completion.Opcode == RequesterOpcode(pass.Operation), pass, completed, "completed as", completion.Opcode);
        }

        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        Array.Sort(latencies);
        return new GuestReply { LatencyMicroseconds = latencies[latencies.Length / 2], Seconds = seconds };
    }

    /// <summary>Compares the memory of this end with what the pass must have left there, and takes the receive completions.</summary>
    /// <exception cref="DemoException">Something differs; the message names it.</exception>
    public static void Check(GuestSession session, Pass pass, bool isRequester)
    {
        if (!isRequester && ReceivesMessage(pass.Operation))
            CheckReceives(session, pass);
        string? difference = IsAtomic(pass.Operation)
            ? AtomicModel.Compare(session.Area, pass, isRequester)
            : session.Area.CompareMessages(pass, isRequester);
        if (difference is not null)
            throw new DemoException($"{OperationNames.Of(pass.Operation)}: {difference} at the {(isRequester ? "requester" : "responder")}");
    }

    private static void Post(GuestSession session, Pass pass, ulong[] model, int index)
    {
        int remoteSlot = IsAtomic(pass.Operation) ? 0 : index;
        SendRequest request = new()
        {
            WorkRequestId = (ulong)index,
            Opcode = Opcode(pass.Operation),
            Flags = SendFlags.Signaled,
            Immediate = pass.Immediate(index),
            RemoteKey = session.Peer.RemoteKey,
            RemoteAddress = session.Peer.MemoryAddress + (ulong)MemoryArea.SlotOffset(pass.Bytes, remoteSlot),
        };
        if (IsAtomic(pass.Operation))
            (request.CompareAdd, request.Swap) = AtomicModel.Operands(pass, model, index);
        session.QueuePair.PostSend(request, [session.Area.Slot(pass.Bytes, index)]);
    }

    private static void CheckReceives(GuestSession session, Pass pass)
    {
        bool isWrite = pass.Operation == DemoOperation.WriteWithImmediate;
        bool hasImmediate = pass.Operation != DemoOperation.Send;
        for (int i = 0; i < pass.Messages; i++)
        {
            WorkCompletion completion = NextCompletion(session);
            RequireSuccess(completion, pass, i, "was received with status");
            Require(completion.WorkRequestId == (ulong)i, pass, i, "was received out of order, by", completion.WorkRequestId);
            Require(
                completion.Opcode == (isWrite ? WorkCompletionOpcode.ReceiveWriteWithImmediate : WorkCompletionOpcode.Receive),
                pass, i, "was received as", completion.Opcode);
            Require(completion.ByteLength == pass.Bytes, pass, i, "was received with a length of", completion.ByteLength);
            Require(((completion.Flags & CompletionFlags.WithImmediate) != 0) == hasImmediate, pass, i, "was received with flags", completion.Flags);
            Require(!hasImmediate || completion.ImmediateData == pass.Immediate(i), pass, i, "was received with immediate", completion.ImmediateData);
        }
    }

    private static WorkCompletion NextCompletion(GuestSession session)
    {
        Span<WorkCompletion> one = stackalloc WorkCompletion[1];
        long begin = Stopwatch.GetTimestamp();
        for (int polls = 1; session.Completions.Poll(one) == 0; polls++)
        {
            if (polls % PollsPerYield != 0)
                continue;
            if (Stopwatch.GetElapsedTime(begin) > CompletionPatience)
                throw new DemoException($"no completion within {CompletionPatience.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s");
            Thread.Yield();
        }

        return one[0];
    }

    private static void RequireSuccess(in WorkCompletion completion, Pass pass, int index, string what)
    {
        if (completion.Status != CompletionStatus.Success)
            Require(false, pass, index, what, $"{completion.Status}: {completion.Status.Explain()}");
    }

    private static void Require<T>(bool condition, Pass pass, int index, string what, T value)
    {
        if (!condition)
            throw new DemoException($"{OperationNames.Of(pass.Operation)} of {pass.Bytes} bytes: message {index} {what} {value}");
    }

    private static bool ReceivesMessage(DemoOperation operation) =>
        operation is DemoOperation.Send or DemoOperation.SendWithImmediate or DemoOperation.WriteWithImmediate;

    private static SendOpcode Opcode(DemoOperation operation) => operation switch
    {
        DemoOperation.Send => SendOpcode.Send,
        DemoOperation.SendWithImmediate => SendOpcode.SendWithImmediate,
        DemoOperation.Write => SendOpcode.Write,
        DemoOperation.WriteWithImmediate => SendOpcode.WriteWithImmediate,
        DemoOperation.Read => SendOpcode.Read,
        DemoOperation.CompareSwap => SendOpcode.CompareSwap,
        DemoOperation.FetchAdd => SendOpcode.FetchAdd,
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };

    private static WorkCompletionOpcode RequesterOpcode(DemoOperation operation) => operation switch
    {
        DemoOperation.Send or DemoOperation.SendWithImmediate => WorkCompletionOpcode.Send,
        DemoOperation.Write or DemoOperation.WriteWithImmediate => WorkCompletionOpcode.Write,
        DemoOperation.Read => WorkCompletionOpcode.Read,
        DemoOperation.CompareSwap => WorkCompletionOpcode.CompareSwap,
        DemoOperation.FetchAdd => WorkCompletionOpcode.FetchAdd,
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };
}
