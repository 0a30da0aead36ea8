using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// The system calls from freeze to thaw with all their arguments, in one block of memory outside the collector's. For one run.
/// </summary>
/// <remarks>
/// Freezing: the range is registered for missing and minor faults too, so a page without page table entry makes whoever touches it wait;
/// then all entries are taken away. The protection leaves markers in their place, so what was written is still known.
/// </remarks>
internal sealed unsafe class FreezeProgram : IDisposable
{
    private const int ControlBytes = 256; // CMSG_SPACE of the most descriptors in one message, and more
    private const nint NotReached = int.MinValue; // no system call returns it

    private readonly Block* _block;
    private readonly int _answerBytesMax;

    /// <param name="range">What to freeze.</param>
    /// <param name="written">Receives the last written pages; all zero, and at least one entry longer than
    /// <paramref name="writtenMax"/>.</param>
    /// <param name="writtenMax">Entries to use: enough for every other page.</param>
    /// <param name="message">What to send once all is frozen.</param>
    /// <param name="socket">A connected stream socket.</param>
    /// <param name="cancelDescriptor">Polls readable to give up.</param>
    /// <param name="spareDescriptor">A descriptor that becomes the new memory's.</param>
    /// <param name="sparePage">A mapped page, on which the new memory is tried.</param>
    /// <param name="answerTimeoutMs">How long to wait for the answer.</param>
    /// <param name="answerBytesMax">Bytes of the answer to take.</param>
    public FreezeProgram(
        WriteProtectedRange range, PageRegion* written, ulong writtenMax, ReadOnlySpan<byte> message, int socket, int cancelDescriptor,
        int spareDescriptor, byte* sparePage, int answerTimeoutMs, int answerBytesMax)
    {
        _answerBytesMax = answerBytesMax;
        _block = (Block*)NativeMemory.AllocZeroed((nuint)(sizeof(Block) + message.Length + answerBytesMax));
        Block* block = _block;
        byte* messageCopy = (byte*)(block + 1);
        message.CopyTo(new Span<byte>(messageCopy, message.Length));

        block->Range = range.Range;
        block->Register = new UserFaultRegister
        {
            Range = range.Range,
            Mode = UserFaults.UFFDIO_REGISTER_MODE_WP | UserFaults.UFFDIO_REGISTER_MODE_MINOR | UserFaults.UFFDIO_REGISTER_MODE_MISSING,
        };
        block->Scan = WriteProtectedRange.UnmarkedPages(written, writtenMax);
        block->Scan.Start = range.Range.Start;
        block->Scan.End = range.Range.Start + range.Range.Bytes;
        block->SentVector = new IoVector { Base = messageCopy, Length = (nuint)message.Length };
        block->Sent = new MessageHeader { Vectors = &block->SentVector, VectorCount = 1 };
        block->AnswerVector = new IoVector { Base = messageCopy + message.Length, Length = (nuint)answerBytesMax };
        block->Answer = new MessageHeader
        {
            Vectors = &block->AnswerVector, VectorCount = 1, Control = block->Control, ControlLength = ControlBytes,
        };
        // Where the first descriptor of an answer will be, unless it brings none.
        *(int*)(block->Control + ControlMessages.Length(0)) = -1;
        block->Polled0 = new PollDescriptor { Descriptor = socket, Events = PollDescriptor.POLLIN };
        block->Polled1 = new PollDescriptor { Descriptor = cancelDescriptor, Events = PollDescriptor.POLLIN };
        block->Timeout = TimeSpec.FromNanoseconds(answerTimeoutMs * 1_000_000L);
        block->SignalMask = ulong.MaxValue; // a signal's handler must not end the wait

        WriteSteps(range, message.Length, socket, spareDescriptor, sparePage);
    }

    public int AnswerBytes => (int)Math.Max(_block->ReceiveAnswer.Result, 0);

    public ReadOnlySpan<byte> AnswerSpan => new(_block->AnswerVector.Base, AnswerBytes);

    /// <summary>The range belongs to the new memory.</summary>
    public bool IsReplaced => _block->Map.Result >= 0;

    /// <summary>The userfaultfd had to be closed to wake everybody.</summary>
    public bool IsAbandoned => _block->Abandon.Result != NotReached;

    public void Run() => SystemCallProgram.Run(&_block->Begin);

    /// <summary>Stores the answer's descriptors, which are the caller's from then on, and returns how many. To be called once.</summary>
    public int TakeDescriptors(Span<int> descriptors) =>
        AnswerBytes > 0 ? DescriptorPassing.TakeDescriptors(in _block->Answer, descriptors) : 0;

    public FreezeOutcome Outcome()
    {
        long seconds = _block->Ended.Seconds - _block->Began.Seconds;
        long frozenNs = seconds * 1_000_000_000 + _block->Ended.Nanoseconds - _block->Began.Nanoseconds;
        int regions = (int)Math.Max(_block->ScanPages.Result, 0);
        (FreezeResult result, string? call, nint code) = Judge();
        return new FreezeOutcome(result, frozenNs, regions, call, code is < 0 and > -4096 ? (int)-code : 0);
    }

    public void Dispose() => NativeMemory.Free(_block);

    private (FreezeResult Result, string? Call, nint Code) Judge()
    {
        Block* block = _block;
        if (block->Map.Result >= 0)
            return (FreezeResult.Replaced, null, 0);
        if (block->Freeze.Result < 0)
            return (FreezeResult.Failed, "ioctl(UFFDIO_REGISTER)", block->Freeze.Result);
        if (block->Zap.Result < 0)
            return (FreezeResult.Failed, "madvise(MADV_DONTNEED)", block->Zap.Result);
        if (block->ScanPages.Result < 0)
            return (FreezeResult.Failed, "ioctl(PAGEMAP_SCAN)", block->ScanPages.Result);
        if (block->Send.Result < block->Send.Minimum)
            return (FreezeResult.Failed, "sendmsg", block->Send.Result);
        if (block->Wait.Result < 0)
            return (FreezeResult.Failed, "ppoll", block->Wait.Result);
        if (block->Wait.Result == 0)
            return (FreezeResult.NoAnswer, null, 0);
        if (block->ReceiveAnswer.Result == -Errno.EAGAIN && block->Polled1.ReturnedEvents != 0)
            return (FreezeResult.Interrupted, null, 0);
        if (block->ReceiveAnswer.Result is 0 or -Errno.ECONNRESET)
            return (FreezeResult.PeerClosed, null, 0);
        if (block->ReceiveAnswer.Result < 0)
            return (FreezeResult.Failed, "recvmsg", block->ReceiveAnswer.Result);
        if (block->Duplicate.Result < 0)
            return (FreezeResult.Refused, null, 0);
        return block->Map.Result == NotReached
            ? (FreezeResult.UnusableMemory, null, 0)
            : (FreezeResult.Failed, "mmap(MAP_FIXED)", block->Map.Result);
    }

    private void WriteSteps(WriteProtectedRange range, int messageBytes, int socket, int spareDescriptor, byte* sparePage)
    {
        const nint monotonic = 1; // CLOCK_MONOTONIC
        const nint seekEnd = 2;
        Block* block = _block;
        nint start = (nint)range.Range.Start;
        nint bytes = (nint)range.Range.Bytes;
        nint faults = range.FaultDescriptor;
        SystemCallStep* thaw = &block->Unregister;

        block->Begin = Step(Number.ClockGetTime, &block->Freeze, null, monotonic, (nint)(&block->Began));
        block->Freeze = ControlStep(&block->Zap, &block->End, faults, UserFaults.UFFDIO_REGISTER, &block->Register);
        block->Zap = Step(Number.Advise, &block->ScanPages, thaw, start, bytes, SharedMemory.MADV_DONTNEED);
        block->ScanPages = ControlStep(&block->Send, thaw, range.PageMapDescriptor, UserFaults.PAGEMAP_SCAN, &block->Scan);

        const int sendFlags = SocketConstants.MSG_DONTWAIT | SocketConstants.MSG_NOSIGNAL;
        block->Send = Step(Number.SendMessage, &block->Wait, thaw, socket, (nint)(&block->Sent), sendFlags);
        block->Send.Mask = -1;
        block->Send.Minimum = messageBytes;
        block->Wait = Step(
            Number.Poll, &block->ReceiveAnswer, thaw, (nint)(&block->Polled0), 2, (nint)(&block->Timeout), (nint)(&block->SignalMask),
            sizeof(ulong));
        block->Wait.Mask = -1;
        block->Wait.Minimum = 1;
        const int receiveFlags = SocketConstants.MSG_DONTWAIT | SocketConstants.MSG_CMSG_CLOEXEC;
        block->ReceiveAnswer = Step(Number.ReceiveMessage, &block->Duplicate, thaw, socket, (nint)(&block->Answer), receiveFlags);
        block->ReceiveAnswer.Mask = -1;
        block->ReceiveAnswer.Minimum = 1;

        block->Duplicate = Step(Number.DuplicateOver, &block->Measure, thaw, -1, spareDescriptor, 0x80000); // O_CLOEXEC
        block->Duplicate.Argument0From = (int*)(block->Control + ControlMessages.Length(0));
        block->Measure = Step(Number.Seek, &block->Seals, thaw, spareDescriptor, 0, seekEnd);
        block->Measure.Mask = -1;
        block->Measure.Minimum = bytes;
        block->Seals = Step(Number.FileControl, &block->TryMap, thaw, spareDescriptor, SharedMemory.F_GET_SEALS);
        block->Seals.Mask = block->Seals.Minimum = SharedMemory.F_SEAL_SHRINK;
        // Kernels before 6.12 take the old mapping away before they find that the new one is not permitted.
        const int protection = SharedMemory.PROT_READ | SharedMemory.PROT_WRITE;
        const int mapFlags = SharedMemory.MAP_SHARED | SharedMemory.MAP_FIXED;
        block->TryMap = Step(
            Number.Map, &block->Map, thaw, (nint)sparePage, SharedMemory.PageBytes, protection, mapFlags, spareDescriptor);
        block->Map = Step(Number.Map, &block->Wake, thaw, start, bytes, protection, mapFlags, spareDescriptor);

        block->Wake = ControlStep(&block->End, &block->Abandon, faults, UserFaults.UFFDIO_WAKE, &block->Range);
        block->Unregister = ControlStep(&block->WakeAll, &block->Abandon, faults, UserFaults.UFFDIO_UNREGISTER, &block->Range);
        block->WakeAll = ControlStep(&block->End, &block->Abandon, faults, UserFaults.UFFDIO_WAKE, &block->Range);
        // The last way to wake everybody: the kernel does when the descriptor goes.
        block->Abandon = Step(Number.Close, &block->End, &block->End, faults);
        block->End = Step(Number.ClockGetTime, null, null, monotonic, (nint)(&block->Ended));
    }

    private static SystemCallStep ControlStep(
        SystemCallStep* onSuccess, SystemCallStep* onFailure, nint descriptor, uint request, void* argument) =>
        Step(Number.Control, onSuccess, onFailure, descriptor, (nint)request, (nint)argument);

    private static SystemCallStep Step(
        Number number, SystemCallStep* onSuccess, SystemCallStep* onFailure, nint argument0, nint argument1 = 0, nint argument2 = 0,
        nint argument3 = 0, nint argument4 = 0) => new()
        {
            Number = (nint)number,
            Argument0 = argument0,
            Argument1 = argument1,
            Argument2 = argument2,
            Argument3 = argument3,
            Argument4 = argument4,
            Result = NotReached,
            OnSuccess = onSuccess,
            OnFailure = onFailure,
        };

    /// <summary>System call numbers of x86-64, where alone programs run.</summary>
    private enum Number
    {
        Close = 3,
        Seek = 8,
        Map = 9,
        Control = 16,
        Advise = 28,
        SendMessage = 46,
        ReceiveMessage = 47,
        FileControl = 72,
        ClockGetTime = 228,
        Poll = 271,
        DuplicateOver = 292,
    }

    /// <summary>Steps in their order, and what they point to.</summary>
    private struct Block
    {
        public SystemCallStep Begin, Freeze, Zap, ScanPages, Send, Wait, ReceiveAnswer, Duplicate, Measure, Seals, TryMap, Map, Wake;
        public SystemCallStep Unregister, WakeAll, Abandon, End;
        public TimeSpec Began, Ended, Timeout;
        public UserFaultRange Range;
        public UserFaultRegister Register;
        public PageScan Scan;
        public IoVector SentVector, AnswerVector;
        public MessageHeader Sent, Answer;
        public PollDescriptor Polled0, Polled1; // one array
        public ulong SignalMask;
        public fixed byte Control[ControlBytes]; // aligned to eight bytes by what is before it
    }
}
