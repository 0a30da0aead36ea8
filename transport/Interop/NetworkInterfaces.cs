using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>struct ifaddrs, getifaddrs(3), as far as it is read here.</summary>
[StructLayout(LayoutKind.Explicit, Size = 56)]
public unsafe struct InterfaceAddress
{
    [FieldOffset(0)] public InterfaceAddress* Next;
    [FieldOffset(8)] public byte* Name;
    [FieldOffset(16)] public uint Flags;
    [FieldOffset(24)] public void* Address;
}

/// <summary>The network interfaces of the calling thread's network namespace.</summary>
public static unsafe partial class NetworkInterfaces
{
    /// <summary>getifaddrs(3).</summary>
    [LibraryImport("libc", EntryPoint = "getifaddrs", SetLastError = true)]
    private static partial int GetAddresses(InterfaceAddress** list);

    /// <summary>freeifaddrs(3).</summary>
    [LibraryImport("libc", EntryPoint = "freeifaddrs")]
    private static partial void FreeAddresses(InterfaceAddress* list);

    /// <summary>if_nametoindex(3).</summary>
    [LibraryImport("libc", EntryPoint = "if_nametoindex", SetLastError = true)]
    private static partial uint IndexOfName(byte* name);

    /// <summary>The index of the interface that has this IPv6 address (16 bytes in network order); 0 when none has it.</summary>
    public static int IndexOf(ReadOnlySpan<byte> address)
    {
        InterfaceAddress* list;
        if (GetAddresses(&list) < 0)
            return 0;
        try
        {
            for (InterfaceAddress* each = list; each != null; each = each->Next)
            {
                var socketAddress = (SockaddrIn6*)each->Address;
                if (socketAddress != null && socketAddress->Family == SocketConstants.AF_INET6
                    && address.SequenceEqual(new ReadOnlySpan<byte>(socketAddress->Address, 16)))
                {
                    return (int)IndexOfName(each->Name);
                }
            }
            return 0;
        }
        finally
        {
            FreeAddresses(list);
        }
    }
}
