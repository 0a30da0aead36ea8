using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using RoceEngine.Abi;

namespace RoceEngine.Verbs;

/// <content>What a post is checked for before it takes a slot.</content>
public sealed unsafe partial class QueuePair
{
    /// <summary>Bytes of an ATOMIC WRITE.</summary>
    private const int AtomicWriteBytes = 8;

    /// <summary>Opcodes with a method of their own.</summary>
    private const ulong NotThroughPostSend = (1ul << (int)SendOpcode.BindWindow) | (1ul << (int)SendOpcode.FastRegister);

    /// <summary>A bit for each opcode that this QP's service and device have.</summary>
    private readonly ulong _operations;

    /// <summary>The operations of a service. IBTA vol. 1, table 38 (transport functions) and 10.8.3.3.</summary>
    private static ulong OperationsOf(QueuePairType type, ExtensionBits extension)
    {
        ReadOnlySpan<SendOpcode> datagram = [SendOpcode.Send, SendOpcode.SendWithImmediate];
        ReadOnlySpan<SendOpcode> unreliable =
            [SendOpcode.Write, SendOpcode.WriteWithImmediate, SendOpcode.LocalInvalidate, SendOpcode.BindWindow, SendOpcode.FastRegister];
        ReadOnlySpan<SendOpcode> reliable =
        [
            SendOpcode.Read, SendOpcode.CompareSwap, SendOpcode.FetchAdd, SendOpcode.SendWithInvalidate, SendOpcode.MaskedCompareSwap,
            SendOpcode.MaskedFetchAdd, SendOpcode.Flush, SendOpcode.AtomicWrite,
        ];
        ulong operations = BitsOf(datagram);
        operations |= type is QueuePairType.Ud or QueuePairType.Gsi ? 0 : BitsOf(unreliable);
        operations |= type is QueuePairType.Rc ? BitsOf(reliable) : 0;
        if ((extension & ExtensionBits.MemoryWindows) == 0)
        {
            operations &= ~BitsOf([SendOpcode.BindWindow]);
        }

        return (extension & ExtensionBits.ExtendedVerbs) != 0
            ? operations
            : operations & ~BitsOf([SendOpcode.Flush, SendOpcode.AtomicWrite]);

        static ulong BitsOf(ReadOnlySpan<SendOpcode> opcodes)
        {
            ulong bits = 0;
            foreach (SendOpcode opcode in opcodes)
            {
                bits |= 1ul << (int)opcode;
            }

            return bits;
        }
    }

    /// <summary>For the message only: the claim of a slot looks again, where nothing can change meanwhile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckOpen()
    {
        if (_closed)
        {
            ThrowClosed();
        }
    }

    /// <summary>Checks what <see cref="PostSend(in SendRequest, ReadOnlySpan{ScatterGatherEntry})"/> and its kin are given, but for the data.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckSend(in SendRequest request)
    {
        CheckOperation(request.Opcode, _operations & ~NotThroughPostSend);
        if (IsDatagram)
        {
            CheckDestination(in request);
        }
    }

    /// <summary>Checks a work request that changes keys.</summary>
    private void CheckLocal(SendOpcode opcode) => CheckOperation(opcode, _operations & NotThroughPostSend);

    private void CheckOperation(SendOpcode opcode, ulong allowed)
    {
        CheckOpen();
        if (_state < QueuePairState.ReadyToSend)
        {
            ThrowInvalid($"ibv_post_send: the queue pair is in {_state}, below ReadyToSend");
        }

        if ((byte)opcode > 63 || (allowed >> (int)opcode & 1) == 0)
        {
            ThrowInvalid($"ibv_post_send: {Type} has no operation {opcode} here");
        }
    }

    private void CheckDestination(in SendRequest request)
    {
        if (request.Destination is not { IsDisposed: false } destination)
        {
            ThrowInvalid("ibv_post_send: a datagram without destination");
        }
        else if (destination.ProtectionDomain != ProtectionDomain)
        {
            ThrowInvalid("ibv_post_send: the address handle belongs to another protection domain");
        }
    }

    private void CheckEntries(in SendRequest request, ReadOnlySpan<ScatterGatherEntry> entries)
    {
        if (entries.Length > SendSges)
        {
            ThrowInvalid($"ibv_post_send: {entries.Length} scatter/gather entries; the queue pair was made for {SendSges}");
        }

        if (request.Opcode >= SendOpcode.Flush)
        {
            ulong total = 0;
            foreach (ref readonly ScatterGatherEntry entry in entries)
            {
                total += entry.Length;
            }

            CheckExtendedTransport(in request, entries.Length, total);
        }
    }

    private void CheckInline(in SendRequest request, long bytes)
    {
        if (bytes > InlineBytes)
        {
            ThrowInvalid($"ibv_post_send: {bytes} bytes inline; the queue pair was made for {InlineBytes}");
        }

        if (request.Opcode is not (SendOpcode.Send or SendOpcode.SendWithImmediate or SendOpcode.SendWithInvalidate
            or SendOpcode.Write or SendOpcode.WriteWithImmediate or SendOpcode.AtomicWrite))
        {
            ThrowInvalid($"ibv_post_send: {request.Opcode} cannot be inline");
        }

        if (request.Opcode == SendOpcode.AtomicWrite)
        {
            CheckExtendedTransport(in request, 1, (ulong)bytes);
        }
    }

    private static void CheckExtendedTransport(in SendRequest request, int entries, ulong bytes)
    {
        if (request.Opcode == SendOpcode.AtomicWrite && bytes != AtomicWriteBytes)
        {
            ThrowInvalid($"ibv_wr_atomic_write: {bytes} bytes; it writes {AtomicWriteBytes}");
        }

        if (request.Opcode == SendOpcode.Flush
            && (entries != 0 || (request.FlushOptions & (FlushOptions.Global | FlushOptions.Persistent)) == 0
                || (request.FlushOptions & ~(FlushOptions.Global | FlushOptions.Persistent | FlushOptions.WholeRegion)) != 0))
        {
            ThrowInvalid($"ibv_wr_flush: {entries} local entries, options {request.FlushOptions}; it takes no entry and at least one of Global and Persistent");
        }
    }

    [DoesNotReturn]
    private void ThrowClosed()
    {
        ProtectionDomain.Context.ThrowIfClosed();
        throw new ObjectDisposedException(nameof(QueuePair));
    }

    [DoesNotReturn]
    private static void ThrowFull(string message) => throw new VerbsException(Errno.NoMemory, message);

    [DoesNotReturn]
    private static void ThrowInvalid(string message) => throw new VerbsException(Errno.Invalid, message);
}
