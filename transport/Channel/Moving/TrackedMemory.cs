using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>Guest RAM while it is copied: what the guest writes is noted, and everybody who touches it can be held. For the watcher's thread.</summary>
internal sealed unsafe class TrackedMemory : IDisposable
{
    /// <summary>A daemon that has everybody held and says nothing for so long is as good as dead.</summary>
    private const int AnswerTimeoutMs = 30_000;

    /// <summary>Who is held hears one message of one byte, and leaves what was said after it in the socket.</summary>
    private const int AnswerBytesMax = ChannelProtocol.LengthBytes + 1;

    private readonly ChannelMemory _memory;
    private readonly GuestWriteTracker _tracker;

    private TrackedMemory(ChannelMemory memory, GuestWriteTracker tracker)
    {
        _memory = memory;
        _tracker = tracker;
    }

    /// <summary>Starts, and tells the daemon so, or why it cannot be (then the result is null).</summary>
    public static TrackedMemory? TryStart(ChannelMemory memory, FrameStream daemon)
    {
        if (!memory.TryBeginTracking())
        {
            SayCannot(daemon, "the program registered memory of its own, whose writes cannot be tracked: its device moves with --memory share only, and cannot be saved");
            return null;
        }
        string? whyNot;
        try
        {
            if (GuestWriteTracker.TryStart(memory.GuestRam, memory.GuestRamBytes, out whyNot) is { } tracker)
            {
                var tracked = new TrackedMemory(memory, tracker);
                tracked.SayTracking(daemon);
                return tracked;
            }
        }
        catch (SystemCallException e)
        {
            whyNot = e.Message;
        }
        memory.EndTracking();
        SayCannot(daemon, whyNot ?? "");
        return null;
    }

    private static void SayCannot(FrameStream daemon, string whyNot)
    {
        byte[] message = [MoveSignals.CannotTrack, .. Encoding.UTF8.GetBytes(whyNot)];
        _ = daemon.TrySend(message);
    }

    /// <summary>Tells the daemon what was written since the last time.</summary>
    public void Collect(FrameStream daemon)
    {
        ulong[] bitmap = new ulong[WrittenPages.Words(_tracker.PageCount)];
        try
        {
            _tracker.Collect(bitmap);
        }
        catch (Exception e) when (e is SystemCallException or InvalidOperationException)
        {
            bitmap.AsSpan().Fill(ulong.MaxValue);
        }
        byte[] message = [MoveSignals.Dirty, .. MemoryMarshal.AsBytes(bitmap.AsSpan())];
        _ = daemon.TrySend(message);
    }

    /// <summary>Holds everybody until the daemon says something. Null, or why that could not be.</summary>
    /// <param name="daemon">Which hears that everybody is held.</param>
    /// <param name="answer">What it said then; 0 for nothing.</param>
    public string? Hold(FrameStream daemon, out byte answer)
    {
        FreezeOutcome outcome = Exchange([MoveSignals.Held], daemon, out int descriptor, out answer);
        CloseIfThere(descriptor);
        return outcome.Result is FreezeResult.Refused or FreezeResult.NoAnswer or FreezeResult.PeerClosed ? null : Describe(outcome);
    }

    /// <summary>
    /// Holds everybody until the daemon there lets them go on in the memory that it has; that is the channel's memory from then on. Anything but
    /// <see cref="FreezeResult.Replaced"/> leaves all as it was.
    /// </summary>
    public FreezeOutcome GoOver(FrameStream there)
    {
        FreezeOutcome outcome = Exchange([MoveSignals.Frozen], there, out int descriptor, out _);
        if (outcome.Result == FreezeResult.Replaced)
            _memory.RamWasReplaced(descriptor);
        else
            CloseIfThere(descriptor);
        return outcome;
    }

    public static string Describe(FreezeOutcome outcome) => outcome.Result switch
    {
        FreezeResult.Refused or FreezeResult.PeerClosed => "the daemon there did not take the device",
        FreezeResult.Failed => $"the guest's memory could not be held: {outcome.FailedCall} failed with error {outcome.Errno}",
        _ => $"the guest's memory could not be held ({outcome.Result})",
    };

    public void Dispose()
    {
        _tracker.Dispose();
        _memory.EndTracking();
    }

    private void SayTracking(FrameStream daemon)
    {
        byte[] message = new byte[1 + sizeof(long)];
        message[0] = MoveSignals.Tracking;
        BinaryPrimitives.WriteInt64LittleEndian(message.AsSpan(1), (long)_memory.GuestRam);
        _ = daemon.TrySend(message, [_tracker.WrittenDescriptor]);
    }

    private FreezeOutcome Exchange(ReadOnlySpan<byte> message, FrameStream daemon, out int descriptor, out byte signal)
    {
        descriptor = -1;
        signal = 0;
        if (!_tracker.IsTracking)
            return new FreezeOutcome(FreezeResult.Failed, 0, 0, "tracking", 0);
        Span<byte> answer = stackalloc byte[AnswerBytesMax];
        Span<int> descriptors = stackalloc int[1];
        try
        {
            FreezeOutcome outcome = _tracker.Exchange(
                FrameAssembler.Frame(message), daemon.Socket.Descriptor, AnswerTimeoutMs, answer, out int bytes, descriptors, out int count);
            signal = bytes == AnswerBytesMax ? answer[^1] : (byte)0;
            descriptor = count > 0 ? descriptors[0] : -1;
            return outcome;
        }
        catch (SystemCallException e)
        {
            return new FreezeOutcome(FreezeResult.Failed, 0, 0, e.Message, e.Errno);
        }
    }

    private static void CloseIfThere(int descriptor)
    {
        if (descriptor >= 0)
            _ = Events.Close(descriptor);
    }
}
