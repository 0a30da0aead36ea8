using System.Diagnostics;
using System.Runtime.InteropServices;
using RoceEngine.Abi;
using Events = RoceEngine.Interop.Events;
using PollDescriptor = RoceEngine.Interop.PollDescriptor;

namespace RoceEngine.Verbs.Internals;

/// <content>Register writes through the mailbox, and the command slot.</content>
internal sealed unsafe partial class DeviceDriver
{
    /// <summary>How long a device may take for a register write. Generous: the machine may be overloaded, and a dead daemon is noticed at once.</summary>
    private static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long to look for an answer without sleeping.</summary>
    private static readonly long SpinTicks = Stopwatch.Frequency / 10_000;

    private const long SleepNs = 1_000_000;

    private ulong _cookie;

    /// <summary>Writes a register, and returns when the write has taken effect. Under <see cref="CommandLock"/>.</summary>
    public void WriteRegister(int offset, uint value)
    {
        _guestPage->MailboxOffset = (uint)offset;
        _guestPage->MailboxValue = value;
        uint sequence = _guestPage->MailboxSequence + 1;
        Volatile.Write(ref _guestPage->MailboxSequence, sequence);

        // The worker announces its sleep and then looks at the mailbox; we write the mailbox and then look for the announcement.
        Interlocked.MemoryBarrier();
        WakeIfAsleep();
        AwaitAcknowledgement(sequence, offset);
    }

    /// <summary>Executes a command that has a response.</summary>
    /// <exception cref="VerbsException">With the device's errno.</exception>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public TResponse Execute<TCommand, TResponse>(PvrdmaCommand number, TCommand command, string verb)
        where TCommand : unmanaged
        where TResponse : unmanaged
    {
        lock (CommandLock)
        {
            ulong cookie = Submit(number, ref command, verb);
            var header = (PvrdmaResponseHeader*)_responseSlot;
            if (header->Cookie != cookie || header->Acknowledgement != PvrdmaCommands.Acknowledgement(number))
            {
                // An error that kept the device from the response slot is in the register alone.
                CheckError((int)ReadRegister(PvrdmaRegister.Error), verb);
                throw new VerbsException(Errno.InputOutput, $"{verb}: the device answered with another command's response");
            }

            CheckError(header->Error, verb);
            return *(TResponse*)_responseSlot;
        }
    }

    /// <summary>Executes a command that has no response: its outcome is in the error register.</summary>
    /// <exception cref="VerbsException">With the device's errno.</exception>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public void Execute<TCommand>(PvrdmaCommand number, TCommand command, string verb)
        where TCommand : unmanaged
    {
        lock (CommandLock)
        {
            _ = Submit(number, ref command, verb);
            CheckError((int)ReadRegister(PvrdmaRegister.Error), verb);
        }
    }

    private static void CheckError(int errno, string verb)
    {
        if (errno != 0)
        {
            throw new VerbsException(errno, $"{verb}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");
        }
    }

    private ulong Submit<TCommand>(PvrdmaCommand number, ref TCommand command, string verb)
        where TCommand : unmanaged
    {
        Debug.Assert(sizeof(TCommand) <= PvrdmaCommands.RequestBytesMax, "a command fits its slot");
        ObjectDisposedException.ThrowIf(_disposed, typeof(RdmaContext));
        if (IsLost)
        {
            throw LostException();
        }

        // A command longer than the struct has zeroes behind it.
        new Span<byte>(_commandSlot, PvrdmaCommands.RequestBytesMax).Clear();
        *(TCommand*)_commandSlot = command;
        var header = (PvrdmaCommandHeader*)_commandSlot;
        header->Cookie = ++_cookie;
        header->Command = (uint)number;
        try
        {
            WriteRegister(PvrdmaRegister.Request, 0);
        }
        catch (VerbsException e) when (e is not DeviceLostException)
        {
            throw new VerbsException(e.Errno, $"{verb}: {e.Message}", e);
        }

        return _cookie;
    }

    private void AwaitAcknowledgement(uint sequence, int offset)
    {
        long start = Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        while (Volatile.Read(ref _devicePage->MailboxAcknowledged) != sequence)
        {
            if (IsLost)
            {
                throw LostException();
            }

            if (Channel.Drive is { } drive)
            {
                drive();
                if (Volatile.Read(ref _devicePage->MailboxAcknowledged) == sequence)
                {
                    break;
                }
            }

            if (Stopwatch.GetTimestamp() - start < SpinTicks)
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }
            else if (Stopwatch.GetElapsedTime(start) > ResponseTimeout)
            {
                // What the device makes of the mailbox later would hit another command: it is of no more use.
                Channel.MarkLost();
                throw new VerbsException(Errno.TimedOut, $"the device did not take the write to register 0x{offset:x2}");
            }
            else
            {
                SleepForResponse();
            }
        }
    }

    private void SleepForResponse()
    {
        // Commands without a response raise no interrupt: hence the short sleep, and the second look at the worker's state.
        Span<PollDescriptor> descriptors =
        [
            new PollDescriptor { Descriptor = Channel.InterruptDescriptor((int)PvrdmaInterruptVector.Response), Events = PollDescriptor.POLLIN },
            new PollDescriptor { Descriptor = Channel.LostDescriptor, Events = PollDescriptor.POLLIN },
        ];
        WakeIfAsleep();
        _ = Events.Wait(descriptors, Channel.Drive is null ? SleepNs : SleepNs / 10);
        if (descriptors[0].ReturnedEvents != 0)
        {
            _ = Events.Drain(descriptors[0].Descriptor);
        }
    }
}
