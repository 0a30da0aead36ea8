using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>struct uffdio_api: features asked for, and those that the kernel has. ioctl_userfaultfd(2).</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct UserFaultApi
{
    [FieldOffset(0)] public ulong Api;
    [FieldOffset(8)] public ulong Features;
    [FieldOffset(16)] public ulong Controls;
}

/// <summary>struct uffdio_range: whole pages of the caller's address space.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct UserFaultRange
{
    [FieldOffset(0)] public ulong Start;
    [FieldOffset(8)] public ulong Bytes;
}

/// <summary>struct uffdio_register: which faults of a range are handed to the descriptor.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
public struct UserFaultRegister
{
    [FieldOffset(0)] public UserFaultRange Range;
    [FieldOffset(16)] public ulong Mode;
    [FieldOffset(24)] public ulong Controls;
}

/// <summary>struct uffdio_writeprotect.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct UserFaultWriteProtect
{
    [FieldOffset(0)] public UserFaultRange Range;
    [FieldOffset(16)] public ulong Mode;
}

/// <summary>struct page_region: pages from <see cref="Start"/> up to <see cref="End"/>, which have these categories in common.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PageRegion
{
    [FieldOffset(0)] public ulong Start;
    [FieldOffset(8)] public ulong End;
    [FieldOffset(16)] public ulong Categories;
}

/// <summary>struct pm_scan_arg of Linux 6.7: Documentation/admin-guide/mm/pagemap.rst.</summary>
[StructLayout(LayoutKind.Explicit, Size = 96)]
public unsafe struct PageScan
{
    [FieldOffset(0)] public ulong StructBytes;
    [FieldOffset(8)] public ulong Flags;
    [FieldOffset(16)] public ulong Start;
    [FieldOffset(24)] public ulong End;

    /// <summary>Written by the kernel: how far the scan came. Everything before it was looked at.</summary>
    [FieldOffset(32)] public ulong WalkEnd;

    [FieldOffset(40)] public PageRegion* Regions;
    [FieldOffset(48)] public ulong RegionsMax;
    [FieldOffset(56)] public ulong PagesMax;
    [FieldOffset(64)] public ulong CategoriesInverted;
    [FieldOffset(72)] public ulong CategoriesAll;
    [FieldOffset(80)] public ulong CategoriesAny;
    [FieldOffset(88)] public ulong CategoriesReturned;
}
