using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using RoceEngine.Verbs;

namespace Migration.Tests;

/// <summary>One end of several QPs that do all RC operations both ways, receive by a shared queue, and check everything that completes.</summary>
internal sealed partial class GuestTraffic : IDisposable
{
    private const ulong DataTag = 0x4441;
    private const int CompletionEntries = 4096;
    private const int SendDepth = 16;
    private const int Window = 12;
    private const int Receives = 64;

    /// <summary>A sender is ahead of the receiver's checks by at most all receives, three of which make a cycle.</summary>
    private const int WriteSlots = 32;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Script _script;
    private readonly Script _peerScript;
    private readonly byte _timeout;
    private readonly RdmaContext _context;
    private readonly CompletionQueue _completions;
    private readonly SharedReceiveQueue _receives;
    private readonly TrafficState _state;
    private readonly GuestMemory _memory;
    private readonly MemoryRegion _region;
    private readonly QueuePair[] _pairs;
    private readonly Dictionary<uint, int> _indexOf = [];
    private readonly QueuePairAddress[] _addresses;
    private readonly WorkCompletion[] _batch = new WorkCompletion[32];

    /// <param name="socketPath">Of the daemon.</param>
    /// <param name="address">The device's.</param>
    /// <param name="name">The device's.</param>
    /// <param name="queuePairs">How many QPs.</param>
    /// <param name="script">What this end sends.</param>
    /// <param name="peerScript">What the other end sends.</param>
    /// <param name="timeout">The encoded local ACK timeout of the QPs.</param>
    public GuestTraffic(string socketPath, IPAddress address, string name, int queuePairs, Script script, Script peerScript, byte timeout)
    {
        _script = script;
        _peerScript = peerScript;
        _timeout = timeout;
        _context = RdmaContext.Attach(new AttachOptions { SocketPath = socketPath, Address = address, Name = name, MemoryBytes = 32 << 20 });
        ProtectionDomain domain = _context.AllocateProtectionDomain();
        _completions = _context.CreateCompletionQueue(CompletionEntries);
        GuestMemory state = _context.AllocateMemory(TrafficState.Bytes);
        state.Tag = TrafficState.Tag;
        _state = new TrafficState(state);
        _memory = _context.AllocateMemory(WriteAt(queuePairs, 0));
        _memory.Tag = DataTag;
        _region = domain.RegisterMemory(
            _memory, AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic);
        _receives = domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = Receives });
        _pairs = [.. Enumerable.Range(0, queuePairs).Select(_ => domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = _completions,
            ReceiveCompletionQueue = _completions,
            SharedReceiveQueue = _receives,
            SendDepth = SendDepth,
        }))];
        for (int i = 0; i < queuePairs; i++)
        {
            _pairs[i].Tag = (ulong)i;
            _indexOf[_pairs[i].Number] = i;
        }
        _addresses = [.. _pairs.Select(pair => pair.AddressWith(QueuePairAddress.RandomPsn()))];
        for (int i = 0; i < Receives; i++)
            PostReceive(i);
    }

    private long[] Posted => _state.Posted[.._pairs.Length].ToArray();

    private long[] Done => _state.Completed[.._pairs.Length].ToArray();

    /// <summary>Completions so far, of sends and receives.</summary>
    public long Completed { get; private set; }

    // Memory: cells (one shared counter, then one cell per QP), receive buffers, send slots, slots that the peer writes.
    private static long ReceiveAt(int buffer) => 4096 + ((long)buffer * Script.SlotBytes);

    private long SendAt(int pair, long n) => ReceiveAt(Receives) + (((pair * Window) + (n % Window)) * Script.SlotBytes);

    private static long WriteAt(int pair, long slot) => ReceiveAt(Receives) + (16L * Window * Script.SlotBytes) + (((pair * WriteSlots * 2L) + slot) * Script.SlotBytes);

    /// <summary>WRITE and WRITE_WITH_IMM of one cycle have a slot each.</summary>
    private static long WrittenBy(Script script, int pair, long n) =>
        WriteAt(pair, (2 * (n / script.Steps % WriteSlots)) + (script.Opcode(n) == SendOpcode.WriteWithImmediate ? 1 : 0));

    public string Ends() => $"{_region.Address}/{_region.RemoteKey}/{string.Join(',', _addresses)}";

    public string Connect(string ends)
    {
        string[] parts = ends.Split('/');
        _state.Head.RemoteAddress = ulong.Parse(parts[0], CultureInfo.InvariantCulture);
        _state.Head.RemoteKey = uint.Parse(parts[1], CultureInfo.InvariantCulture);
        string[] remotes = parts[2].Split(',');
        for (int i = 0; i < _pairs.Length; i++)
        {
            _pairs[i].ToInit();
            _pairs[i].ToReadyToReceive(QueuePairAddress.Parse(remotes[i]), minRnrTimer: 1);
            _pairs[i].ToReadyToSend(_addresses[i].Psn, _timeout);
        }
        return "connected";
    }

    public string Begin()
    {
        _state.Head.IsRunning = 1;
        return "running";
    }

    /// <summary>Some work, if there is any; false when there was none.</summary>
    public bool Turn()
    {
        uint position = _completions.Position;
        int count = _completions.Poll(_batch);
        for (int i = 0; i < count; i++)
            Check(in _batch[i], (uint)(position + i) & (Positions - 1));
        Completed += count;
        for (int pair = 0; _state.Head.IsRunning != 0 && pair < _pairs.Length; pair++)
        {
            while (_state.Posted[pair] - _state.Completed[pair] < Window)
                Post(pair, _state.Posted[pair]++);
        }
        return count == _batch.Length;
    }

    /// <summary>Begins nothing new, and tells how many messages each QP has posted.</summary>
    public string Pause()
    {
        _state.Head.IsRunning = 0;
        return string.Join(',', Posted);
    }

    /// <summary>Sends that have not completed.</summary>
    public long Outstanding => Posted.Sum() - Done.Sum();

    /// <summary>Begins nothing new, waits for all that was begun, and tells how many messages each QP sent.</summary>
    public string Stop()
    {
        string posted = Pause();
        WaitUntil(() => Posted.SequenceEqual(Done), "sends that did not complete");
        return posted;
    }

    /// <summary>All that the peer sent has come, and its atomics were applied once each.</summary>
    public string Finish(string counts)
    {
        long[] sent = Counts(counts);
        long[] expected = [.. sent.Select(_peerScript.ReceivesBefore)];
        WaitUntil(() => expected.SequenceEqual(_state.Received[.._pairs.Length].ToArray().Select(_peerScript.ReceivesBefore)), "receives that did not complete");
        Span<ulong> cells = MemoryMarshal.Cast<byte, ulong>(_memory.AsSpan(0, 4096));
        Demand((long)cells[0] == sent.Sum(n => _peerScript.CountBefore(SendOpcode.FetchAdd, n)), $"the counter is {cells[0]}");
        for (int pair = 0; pair < _pairs.Length; pair++)
            Demand((long)cells[1 + pair] == _peerScript.CountBefore(SendOpcode.CompareSwap, sent[pair]), $"cell {pair} is {cells[1 + pair]}");
        long fetches = Posted.Sum(n => _script.CountBefore(SendOpcode.FetchAdd, n));
        Demand(_state.FetchedCount == fetches && (fetches == 0 || _state.FetchedMax == fetches - 1), "fetched values are missing");
        long swaps = Posted.Sum(n => _script.CountBefore(SendOpcode.CompareSwap, n));
        return string.Create(CultureInfo.InvariantCulture, $"ok {Posted.Sum()} sent, {expected.Sum()} received, {fetches} fetched, {swaps} swapped");
    }

    /// <summary>Looks into the memory of a peer that has sent all these messages, by RDMA READ: what its last ones left there is right.</summary>
    public string ReadBack(string counts)
    {
        long[] sent = Counts(counts);
        long looks = 0;
        for (int pair = 0; pair < _pairs.Length; pair++)
        {
            for (long n = Math.Max(0, sent[pair] - Window); n < sent[pair]; n++, looks++)
                CheckAtPeer(pair, n);
        }
        return string.Create(CultureInfo.InvariantCulture, $"ok {looks} read back");
    }

    public void Dispose() => _context.Dispose();

    private static long[] Counts(string counts) => [.. counts.Split(',').Select(count => long.Parse(count, CultureInfo.InvariantCulture))];

    private void CheckAtPeer(int pair, long n)
    {
        _pairs[pair].PostSend(
            new SendRequest
            {
                WorkRequestId = ulong.MaxValue,
                Opcode = SendOpcode.Read,
                Flags = SendFlags.Signaled,
                RemoteAddress = _state.Head.RemoteAddress + (ulong)SendAt(pair, n),
                RemoteKey = _state.Head.RemoteKey,
            },
            _region.Entry(SendAt(pair, n), Script.SlotBytes));
        long begin = Stopwatch.GetTimestamp();
        while (_completions.Poll(_batch) == 0)
            Demand(Stopwatch.GetElapsedTime(begin) < Patience, "the peer's memory cannot be read");
        Demand(_batch[0] is { WorkRequestId: ulong.MaxValue, Status: CompletionStatus.Success }, $"reading the peer's memory ended with {_batch[0].Status}");
        Span<byte> there = _memory.AsSpan(SendAt(pair, n), Script.SlotBytes);
        ulong value = MemoryMarshal.Read<ulong>(there);
        SendOpcode opcode = _peerScript.Opcode(n);
        if (opcode == SendOpcode.CompareSwap)
            Demand(value == (ulong)(n / _peerScript.Steps), $"QP {pair}: the peer swapped {value} at message {n}");
        else if (opcode == SendOpcode.FetchAdd)
            Demand(value < MemoryMarshal.Read<ulong>(_memory.AsSpan(0, 8)), $"QP {pair}: the peer fetched {value} at message {n}");
        else
            CheckBytes(there, pair, opcode == SendOpcode.Read ? _peerScript.ReadBy(n) : n);
    }

    private void WaitUntil(Func<bool> condition, string what)
    {
        long begin = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (!Turn())
                Thread.Sleep(1);
            Demand(Stopwatch.GetElapsedTime(begin) < Patience, what);
        }
    }

    private void PostReceive(int buffer)
    {
        _receives.PostReceive((ulong)buffer, _region.Entry(ReceiveAt(buffer), Script.SlotBytes));
        _state.ReceivePosted[buffer] = 1;
    }

    private void Post(int pair, long n)
    {
        SendOpcode opcode = _script.Opcode(n);
        bool isAtomic = opcode is SendOpcode.FetchAdd or SendOpcode.CompareSwap;
        int bytes = isAtomic ? 8 : Script.Bytes(pair, opcode == SendOpcode.Read ? _script.ReadBy(n) : n);
        Span<byte> local = _memory.AsSpan(SendAt(pair, n), bytes);
        if (isAtomic || opcode == SendOpcode.Read)
            local.Fill(0xEE);
        else
            Script.Fill(local, pair, n);
        long remote = opcode switch
        {
            SendOpcode.FetchAdd => 0,
            SendOpcode.CompareSwap => 8 * (1 + pair),
            SendOpcode.Read => WrittenBy(_script, pair, _script.ReadBy(n)),
            _ => WrittenBy(_script, pair, n),
        };
        ulong cycle = (ulong)(n / _script.Steps);
        _pairs[pair].PostSend(
            new SendRequest
            {
                WorkRequestId = Id(pair, n),
                Opcode = opcode,
                Flags = SendFlags.Signaled,
                Immediate = Script.Immediate(pair, n),
                RemoteAddress = _state.Head.RemoteAddress + (ulong)remote,
                RemoteKey = _state.Head.RemoteKey,
                CompareAdd = opcode == SendOpcode.FetchAdd ? 1 : cycle,
                Swap = cycle + 1,
            },
            _region.Entry(SendAt(pair, n), bytes));
    }

    private static ulong Id(int pair, long n) => ((ulong)pair << 48) | (ulong)n;

    private void Check(in WorkCompletion completion, uint position)
    {
        Demand(completion.Status == CompletionStatus.Success, $"{completion.Opcode} ended with {completion.Status}");
        Demand(_indexOf.TryGetValue(completion.QueuePairNumber, out int pair), $"nobody has QP {completion.QueuePairNumber}");
        if (completion.Opcode >= WorkCompletionOpcode.Receive)
            CheckReceived(pair, in completion, position);
        else
            CheckSent(pair, in completion, position);
    }

    private void CheckSent(int pair, in WorkCompletion completion, uint position)
    {
        long n = _state.Completed[pair];
        Demand(completion.WorkRequestId == Id(pair, n), $"QP {pair}: {completion.WorkRequestId & 0xFFFF_FFFF_FFFF} completed instead of {n}");
        Span<byte> local = _memory.AsSpan(SendAt(pair, n), Script.SlotBytes);
        ulong value = MemoryMarshal.Read<ulong>(local);
        long fetched = -1;
        switch (_script.Opcode(n))
        {
            case SendOpcode.Read:
                CheckBytes(local, pair, _script.ReadBy(n));
                break;
            case SendOpcode.FetchAdd:
                Demand(!_state.WasFetched(value), $"{value} was fetched twice");
                fetched = (long)value;
                break;
            case SendOpcode.CompareSwap:
                Demand(value == (ulong)(n / _script.Steps), $"QP {pair}: swapped {value} at message {n}");
                break;
        }
        _state.Note(new TrafficJournal { Message = n, Fetched = fetched, Position = position, Pair = pair, Buffer = -1 });
        _state.Apply(Positions);
    }

    private void CheckReceived(int pair, in WorkCompletion completion, uint position)
    {
        long n = _peerScript.NextReceived(_state.Received[pair]);
        int buffer = (int)completion.WorkRequestId;
        Demand((uint)buffer < Receives && _state.ReceivePosted[buffer] != 0, $"receive {buffer} completed twice");
        SendOpcode opcode = _peerScript.Opcode(n);
        bool isWrite = opcode == SendOpcode.WriteWithImmediate;
        Demand(completion.Opcode == (isWrite ? WorkCompletionOpcode.ReceiveWriteWithImmediate : WorkCompletionOpcode.Receive), $"QP {pair}: {completion.Opcode} at message {n}");
        bool hasImmediate = opcode != SendOpcode.Send;
        Demand(((completion.Flags & CompletionFlags.WithImmediate) != 0) == hasImmediate, $"QP {pair}: flags {completion.Flags} at message {n}");
        Demand(!hasImmediate || completion.ImmediateData == Script.Immediate(pair, n), $"QP {pair}: immediate {completion.ImmediateData:x} at message {n}");
        if (!isWrite)
            Demand(completion.ByteLength == Script.Bytes(pair, n), $"QP {pair}: {completion.ByteLength} bytes at message {n}");
        CheckBytes(_memory.AsSpan(isWrite ? WrittenBy(_peerScript, pair, n) : ReceiveAt(buffer), Script.SlotBytes), pair, n);
        if (isWrite)
            CheckBytes(_memory.AsSpan(WrittenBy(_peerScript, pair, n - 1), Script.SlotBytes), pair, n - 1);
        _state.Note(new TrafficJournal { Message = n, Fetched = -1, Position = position, Pair = pair, Buffer = buffer, ReceivePosition = _receives.Position });
        _state.Apply(Positions);
        PostReceive(buffer);
    }

    private static void CheckBytes(Span<byte> actual, int pair, long n)
    {
        Span<byte> expected = stackalloc byte[Script.Bytes(pair, n)];
        Script.Fill(expected, pair, n);
        Demand(actual[..expected.Length].SequenceEqual(expected), $"QP {pair}: wrong bytes at message {n}");
    }

    private static void Demand(bool condition, string otherwise)
    {
        if (!condition)
            throw new InvalidDataException(otherwise);
    }
}
