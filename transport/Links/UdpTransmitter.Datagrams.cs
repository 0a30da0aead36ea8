using System.Runtime.InteropServices;
using RoceEngine.Interop;
using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>The fall-back without segmentation: a train leaves as so many messages.</summary>
internal sealed unsafe partial class UdpTransmitter
{
    /// <summary>A datagram's share of its train's vectors: two per vector that it cuts, and its own.</summary>
    private const int CutVectorsMax = VectorsPerTrain + (2 * RoceUdp.TrainDatagramsMax);

    private IoVector* _cutVectors;
    private MultipleMessageHeader* _cutMessages;

    /// <summary>
    /// Sends a train datagram by datagram. Their identifications are all 0 then: when the ICRCs were made for a train
    /// (<paramref name="wasTrain"/>) they are corrected first. True when at least one datagram went.
    /// </summary>
    private bool SendAsDatagrams(int trainIndex, bool wasTrain)
    {
        ref Train train = ref _trains[trainIndex];
        UdpDestination destination = _destinations[trainIndex];
        CutTrain(ref train, destination, correctIcrc: wasTrain && _address.IsIPv4);

        bool anySent = false;
        int waits = 0;
        for (int next = 0; next < train.Datagrams;)
        {
            int sent = Sockets.SendMultiple(_socket, _cutMessages + next, (uint)(train.Datagrams - next), SendFlags);
            if (sent > 0)
            {
                anySent = true;
                _statistics.SendCalls++;
                for (int i = next; i < next + sent; i++)
                    CountSent(1, DatagramBytesAt(train, i));
                next += sent;
                continue;
            }

            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EINTR)
                continue;
            if (errno is not (Errno.EAGAIN or Errno.ENOBUFS or Errno.ENOMEM))
            {
                CountDrop(1, errno);
                next++;
            }
            else if (!WaitForBuffer(ref waits))
            {
                CountDrop(train.Datagrams - next, errno);
                break;
            }
        }
        return anySent;
    }

    private static int DatagramBytesAt(in Train train, int index) =>
        index < train.Datagrams - 1 ? train.DatagramBytes : train.TotalBytes - (train.Datagrams - 1) * train.DatagramBytes;

    /// <summary>Cuts a train's vectors at the datagrams' ends and makes a message of each datagram.</summary>
    private void CutTrain(ref Train train, UdpDestination destination, bool correctIcrc)
    {
        AllocateCutBuffers();
        IoVector* to = _cutVectors;
        IoVector* from = train.Vectors;
        nuint offset = 0;
        for (int i = 0; i < train.Datagrams; i++)
        {
            int datagramBytes = DatagramBytesAt(train, i);
            IoVector* first = to;
            for (nuint missing = (nuint)datagramBytes; missing > 0;)
            {
                nuint taken = nuint.Min(missing, from->Length - offset);
                *to++ = new IoVector { Base = from->Base + offset, Length = taken };
                missing -= taken;
                offset += taken;
                if (offset == from->Length)
                {
                    from++;
                    offset = 0;
                }
            }
            if (correctIcrc && i != 0)
                CorrectIcrc(to - 1, datagramBytes, (ushort)i);

            ref MessageHeader message = ref _cutMessages[i].Header;
            message.Name = destination.Name;
            message.NameLength = (uint)destination.NameBytes;
            message.Vectors = first;
            message.VectorCount = (nuint)(to - first);
            message.Control = destination.Control;
            message.ControlLength = (nuint)destination.ControlBytes;
        }
    }

    /// <summary>From identification i to 0. The ICRC ends the datagram's last vector, in one piece, in our own arena.</summary>
    private static void CorrectIcrc(IoVector* last, int datagramBytes, ushort identification)
    {
        var icrc = new Span<byte>(last->Base + last->Length - Icrc.Length, Icrc.Length);
        uint corrected = Icrc.Read(icrc) ^ Icrc.ShiftIdentification(identification, datagramBytes);
        Icrc.Write(icrc, ~corrected);
    }

    private void AllocateCutBuffers()
    {
        if (_cutMessages != null)
            return;
        _cutVectors = (IoVector*)NativeMemory.Alloc(CutVectorsMax, (nuint)sizeof(IoVector));
        _cutMessages = (MultipleMessageHeader*)NativeMemory.AllocZeroed(RoceUdp.TrainDatagramsMax, (nuint)sizeof(MultipleMessageHeader));
    }

    private void FreeCutBuffers()
    {
        NativeMemory.Free(_cutVectors);
        NativeMemory.Free(_cutMessages);
        _cutVectors = null;
        _cutMessages = null;
    }
}
