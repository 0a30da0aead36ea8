using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace Addresses.Tests;

/// <summary>A thread without privileges: capabilities belong to threads, capabilities(7).</summary>
internal static unsafe partial class ThreadCapabilities
{
    /// <summary>capset(2) with a header of version 3 for this thread, and two data structures without any capability.</summary>
    public static void DropAll()
    {
        const uint version3 = 0x2008_0522;
        ulong header = version3;
        uint* data = stackalloc uint[6];
        new Span<uint>(data, 6).Clear();
        SystemCallException.Check(SetCapabilities(&header, data), "capset");
    }

    [LibraryImport("libc", EntryPoint = "capset", SetLastError = true)]
    private static partial int SetCapabilities(void* header, void* data);
}
