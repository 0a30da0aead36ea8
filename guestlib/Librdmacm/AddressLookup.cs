using System.Runtime.InteropServices;
using RoceEngine.Librdmacm.Abi;

namespace RoceEngine.Librdmacm;

/// <summary><c>rdma_getaddrinfo(3)</c> over getaddrinfo(3).</summary>
internal static unsafe partial class AddressLookup
{
    private const int Passive = 1;
    private const int NumericHost = 2;
    private const int QueuePairRc = 2;
    private const int QueuePairUd = 4;

    private const int AiPassive = 1;
    private const int AiNumericHost = 4;
    private const int SockStream = 1;
    private const int SockDatagram = 2;
    private const int EaiNoName = -2;

    /// <summary>One address to listen on or to connect to. Returns 0 or an EAI_… number.</summary>
    public static int Find(byte* node, byte* service, RdmaAddrinfo* hints, RdmaAddrinfo** into)
    {
        RdmaAddrinfo wanted = hints == null ? default : *hints;
        if (node == null && service == null && wanted.AiSrcAddr == null && wanted.AiDstAddr == null)
        {
            return EaiNoName;
        }

        var result = (RdmaAddrinfo*)NativeMemory.AllocZeroed((nuint)sizeof(RdmaAddrinfo));
        result->AiFlags = wanted.AiFlags;
        result->AiFamily = wanted.AiFamily;
        if (node != null || service != null)
        {
            int error = Ask(node, service, in wanted, result);
            if (error != 0)
            {
                Free(result);
                return error;
            }
        }
        else if ((wanted.AiFlags & Passive) == 0)
        {
            result->AiDstAddr = Copy(wanted.AiDstAddr, wanted.AiDstLen);
            result->AiDstLen = wanted.AiDstLen;
        }

        if (result->AiSrcAddr == null && wanted.AiSrcLen != 0)
        {
            result->AiSrcAddr = Copy(wanted.AiSrcAddr, wanted.AiSrcLen);
            result->AiSrcLen = wanted.AiSrcLen;
        }

        SetService(result, in wanted);
        *into = result;
        return 0;
    }

    /// <summary><c>rdma_freeaddrinfo(3)</c>.</summary>
    public static void Free(RdmaAddrinfo* list)
    {
        while (list != null)
        {
            RdmaAddrinfo* next = list->AiNext;
            NativeMemory.Free(list->AiSrcAddr);
            NativeMemory.Free(list->AiDstAddr);
            NativeMemory.Free(list->AiSrcCanonname);
            NativeMemory.Free(list->AiDstCanonname);
            NativeMemory.Free(list->AiRoute);
            NativeMemory.Free(list->AiConnect);
            NativeMemory.Free(list);
            list = next;
        }
    }

    private static int Ask(byte* node, byte* service, in RdmaAddrinfo wanted, RdmaAddrinfo* result)
    {
        bool passive = (wanted.AiFlags & Passive) != 0;
        var hints = new AddrInfo
        {
            Flags = (passive ? AiPassive : 0) | ((wanted.AiFlags & NumericHost) != 0 ? AiNumericHost : 0),
            Family = wanted.AiFamily,
            SocketType = wanted.AiQpType == QueuePairUd || wanted.AiPortSpace == (int)PortSpace.Udp ? SockDatagram : SockStream,
        };
        AddrInfo* found;
        int error = GetAddrInfo(node, service, &hints, &found);
        if (error != 0)
        {
            return error;
        }

        byte* address = Copy(found->Address, found->AddressBytes);
        uint bytes = found->AddressBytes;
        result->AiFamily = found->Family;
        FreeAddrInfo(found);
        if (passive)
        {
            result->AiSrcAddr = address;
            result->AiSrcLen = bytes;
        }
        else
        {
            result->AiDstAddr = address;
            result->AiDstLen = bytes;
        }

        return 0;
    }

    private static void SetService(RdmaAddrinfo* result, in RdmaAddrinfo wanted)
    {
        bool datagrams = wanted.AiQpType == QueuePairUd || wanted.AiPortSpace is (int)PortSpace.Udp or (int)PortSpace.IpOverIb;
        result->AiQpType = wanted.AiQpType != 0 ? wanted.AiQpType : datagrams ? QueuePairUd : QueuePairRc;
        result->AiPortSpace = wanted.AiPortSpace != 0 ? wanted.AiPortSpace : (int)(datagrams ? PortSpace.Udp : PortSpace.Tcp);
    }

    private static byte* Copy(byte* from, uint bytes)
    {
        if (from == null || bytes == 0)
        {
            return null;
        }

        byte* copy = (byte*)NativeMemory.Alloc(bytes);
        NativeMemory.Copy(from, copy, bytes);
        return copy;
    }

    [LibraryImport("libc", EntryPoint = "getaddrinfo")]
    private static partial int GetAddrInfo(byte* node, byte* service, AddrInfo* hints, AddrInfo** found);

    [LibraryImport("libc", EntryPoint = "freeaddrinfo")]
    private static partial void FreeAddrInfo(AddrInfo* list);

    /// <summary><c>struct addrinfo</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct AddrInfo
    {
        public int Flags;
        public int Family;
        public int SocketType;
        public int Protocol;
        public uint AddressBytes;
        public byte* Address;
        public byte* CanonicalName;
        public AddrInfo* Next;
    }
}
