using System.Diagnostics;
using System.Globalization;
using System.Net;
using RoceEngine.Launching;
using RoceEngine.Verbs;

namespace RoceEngine.MigrationBenchmark;

/// <summary>
/// A guest as a process: many QPs with small rings, on each of which the sender always has two WRITEs with immediate under way. The receiver checks that
/// those of each QP come once and in order, and prints how long it waited for one. It ends when standard input ends.
/// </summary>
internal static class BusyEnd
{
    private const string Verb = "busy-end";
    private const int Depth = 2;
    private const int ReceiveDepth = 8;
    private const int MessageBytes = 256;
    private const long MemoryBytes = 32 << 20;
    private const long MemoryBytesPerPair = 32 << 10;

    /// <summary>4.096 us * 2^14, 67 ms.</summary>
    private const byte AckTimeout = 14;

    private static readonly long s_sampleInterval = Stopwatch.Frequency / 100;

    public static bool IsAskedFor(string[] arguments) => arguments is [Verb, _, _, _, _];

    public static string[] Arguments(bool isSender, string socketPath, IPAddress address, int pairs) =>
        [Verb, isSender ? "sender" : "receiver", socketPath, address.ToString(), pairs.ToString(CultureInfo.InvariantCulture)];

    public static int Run(string[] arguments)
    {
        try
        {
            Run(arguments[1] == "sender", arguments[2], IPAddress.Parse(arguments[3]), int.Parse(arguments[4], CultureInfo.InvariantCulture));
            return 0;
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException or UnauthorizedAccessException)
        {
            Console.Out.WriteLine($"error {failure.Message.ReplaceLineEndings(" ")}");
            return 1;
        }
    }

    private static void Run(bool isSender, string socketPath, IPAddress address, int pairs)
    {
        using RdmaContext context = RdmaContext.Attach(new AttachOptions
        {
            SocketPath = socketPath, Address = address, MemoryBytes = MemoryBytes + (MemoryBytesPerPair * pairs),
        });
        using ProtectionDomain domain = context.AllocateProtectionDomain();
        using CompletionQueue completions = context.CreateCompletionQueue((Depth + ReceiveDepth) * pairs);
        using GuestMemory memory = context.AllocateMemory(MessageBytes);
        using MemoryRegion region = domain.RegisterMemory(memory, AccessFlags.LocalWrite | AccessFlags.RemoteWrite);
        QueuePair[] queuePairs = new QueuePair[pairs];
        QueuePairAddress[] own = new QueuePairAddress[pairs];
        for (int i = 0; i < pairs; i++)
        {
            queuePairs[i] = domain.CreateQueuePair(new QueuePairOptions
            {
                SendCompletionQueue = completions, ReceiveCompletionQueue = completions, SendDepth = Depth, ReceiveDepth = ReceiveDepth,
            });
            queuePairs[i].ToInit(AccessFlags.RemoteWrite);
            own[i] = new QueuePairAddress(context.Address, queuePairs[i].Number, QueuePairAddress.RandomPsn());
        }

        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"end {region.RemoteKey} {region.Address} {string.Join(' ', own)}"));
        if (Console.In.ReadLine() is not { } line)
            return;
        string[] peer = line.Split(' ');
        for (int i = 0; i < pairs; i++)
        {
            queuePairs[i].ToReadyToReceive(QueuePairAddress.Parse(peer[3 + i]));
            queuePairs[i].ToReadyToSend(own[i].Psn, AckTimeout);
            for (int j = 0; !isSender && j < ReceiveDepth; j++)
                queuePairs[i].PostReceive((ulong)i, []);
        }

        Console.Out.WriteLine("ready");
        if (Console.In.ReadLine() is null)
            return;
        Task stop = Task.Run(Console.In.ReadLine);
        if (isSender)
            Send(queuePairs, completions, region, uint.Parse(peer[1], CultureInfo.InvariantCulture), ulong.Parse(peer[2], CultureInfo.InvariantCulture), stop);
        else
            Receive(queuePairs, completions, stop);
    }

    private static void Send(QueuePair[] pairs, CompletionQueue completions, MemoryRegion region, uint remoteKey, ulong remoteAddress, Task stop)
    {
        uint[] sent = new uint[pairs.Length];
        ScatterGatherEntry entry = new(region.Address, MessageBytes, region.LocalKey);
        for (int round = 0; round < Depth; round++)
        {
            for (int i = 0; i < pairs.Length; i++)
                Post(i);
        }

        WorkCompletion[] polled = new WorkCompletion[64];
        while (!stop.IsCompleted)
        {
            int count = Poll(completions, polled);
            for (int i = 0; i < count; i++)
                Post((int)polled[i].WorkRequestId);
        }

        void Post(int pair) => pairs[pair].PostSend(
            new SendRequest
            {
                WorkRequestId = (ulong)pair,
                Opcode = SendOpcode.WriteWithImmediate,
                Flags = SendFlags.Signaled,
                Immediate = sent[pair]++,
                RemoteKey = remoteKey,
                RemoteAddress = remoteAddress,
            },
            [entry]);
    }

    private static void Receive(QueuePair[] pairs, CompletionQueue completions, Task stop)
    {
        uint[] received = new uint[pairs.Length];
        WorkCompletion[] polled = new WorkCompletion[64];
        long completedAt = Stopwatch.GetTimestamp();
        long sampledAt = completedAt;
        long gap = 0;
        long messages = 0;
        while (!stop.IsCompleted)
        {
            int count = Poll(completions, polled);
            long now = Stopwatch.GetTimestamp();
            if (count > 0)
            {
                gap = Math.Max(gap, now - completedAt);
                completedAt = now;
            }

            messages += count;
            for (int i = 0; i < count; i++)
            {
                int pair = (int)polled[i].WorkRequestId;
                if (polled[i].ImmediateData != received[pair]++)
                    throw new InvalidOperationException($"QP {pair}: message {polled[i].ImmediateData} came instead of {received[pair] - 1}");
                pairs[pair].PostReceive((ulong)pair, []);
            }

            if (now - sampledAt < s_sampleInterval)
                continue;
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"sample {StreamClock.ToSeconds(now)} {messages} {gap * 1000.0 / Stopwatch.Frequency}"));
            (sampledAt, messages, gap) = (now, 0, 0);
        }
    }

    private static int Poll(CompletionQueue completions, WorkCompletion[] polled)
    {
        int count = completions.Poll(polled);
        for (int i = 0; i < count; i++)
        {
            if (polled[i].Status != CompletionStatus.Success)
                throw new InvalidOperationException($"a request of QP {polled[i].WorkRequestId} failed: {polled[i].Status.Explain()}");
        }

        if (count == 0)
            Thread.Yield();
        return count;
    }
}
