using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// Moves memory of this process alone into a shared file that is then mapped in its place. Where the kernel permits it (userfaultfd), other threads that
/// write to the pages meanwhile wait, so that nothing they write is lost; elsewhere nobody may write while it lasts.
/// </summary>
/// <remarks>
/// From the protection to the last step runs no managed code: a thread that waits in the midst of managed code cannot be waited for by the collector,
/// and we would wait for the collector. See <see cref="SystemCallProgram"/>.
/// </remarks>
internal static unsafe class PageMove
{
    /// <summary>What one write takes at most, rounded down.</summary>
    private const long BytesMax = 1L << 30;

    private const nint SysClose = 3;
    private const nint SysMap = 9;
    private const nint SysControl = 16;
    private const nint SysWriteAt = 18;

    /// <summary>Moves whole pages. When it fails, what was not moved is as before.</summary>
    /// <exception cref="SystemCallException">The file has no room, or the kernel refused to map it.</exception>
    public static void Run(byte* address, long bytes, int descriptor, long offset, bool isWritable)
    {
        int protection = SharedMemory.PROT_READ | (isWritable ? SharedMemory.PROT_WRITE : 0);
        for (long done = 0; done < bytes; done += BytesMax)
        {
            long piece = Math.Min(bytes - done, BytesMax);
            if (SystemCallProgram.IsSupported)
                Move(address + done, piece, descriptor, offset + done, protection);
            else
                MoveUnheld(address + done, piece, descriptor, offset + done, protection);
        }

        // Parent and child would write to the same page, the parent's stack or heap perhaps.
        _ = SharedMemory.Advise(address, (nuint)bytes, SharedMemory.MADV_DONTFORK);
    }

    private static void Move(byte* address, long bytes, int descriptor, long offset, int protection)
    {
        var block = (Block*)NativeMemory.AllocZeroed((nuint)sizeof(Block));
        try
        {
            int faults = TryWatch(address, bytes);
            block->WriteProtect = new UserFaultWriteProtect
            {
                Range = new UserFaultRange { Start = (ulong)address, Bytes = (ulong)bytes }, Mode = UserFaults.UFFDIO_WRITEPROTECT_MODE_WP,
            };
            SystemCallStep* end = faults < 0 ? null : &block->Close;
            block->Protect = Step(SysControl, faults, unchecked((nint)UserFaults.UFFDIO_WRITEPROTECT), (nint)(&block->WriteProtect));
            block->Protect.OnSuccess = block->Protect.OnFailure = &block->Copy;
            block->Copy = Step(SysWriteAt, descriptor, (nint)address, (nint)bytes, (nint)offset);
            block->Copy.Mask = -1;
            block->Copy.Minimum = (nint)bytes;
            block->Copy.OnSuccess = &block->Map;
            block->Copy.OnFailure = end;
            block->Map = Step(SysMap, (nint)address, (nint)bytes, protection, SharedMemory.MAP_SHARED | SharedMemory.MAP_FIXED, descriptor, (nint)offset);
            block->Map.OnSuccess = block->Map.OnFailure = end;

            // Closing wakes whoever waits: they find the new pages.
            block->Close = Step(SysClose, faults);
            block->Map.Result = -Errno.EIO;
            SystemCallProgram.Run(faults < 0 ? &block->Copy : &block->Protect);
            Check(block, bytes);
        }
        finally
        {
            NativeMemory.Free(block);
        }
    }

    private static void Check(Block* block, long bytes)
    {
        if (block->Copy.Result < bytes)
            throw new SystemCallException($"pwrite({bytes})", block->Copy.Result < 0 ? (int)-block->Copy.Result : Errno.EFAULT);
        if (block->Map.Result < 0 && block->Map.Result > -4096)
            throw new SystemCallException($"mmap({bytes}, MAP_FIXED)", (int)-block->Map.Result);
    }

    // A userfaultfd for the range, or -1: not permitted, or not that kind of memory.
    private static int TryWatch(byte* address, long bytes)
    {
        int faults = UserFaults.Create();
        if (faults < 0)
            return -1;
        var api = new UserFaultApi { Api = UserFaults.UFFD_API, Features = UserFaults.UFFD_FEATURE_PAGEFAULT_FLAG_WP };
        var register = new UserFaultRegister
        {
            Range = new UserFaultRange { Start = (ulong)address, Bytes = (ulong)bytes }, Mode = UserFaults.UFFDIO_REGISTER_MODE_WP,
        };
        if (UserFaults.Control(faults, UserFaults.UFFDIO_API, &api) >= 0 && UserFaults.Control(faults, UserFaults.UFFDIO_REGISTER, &register) >= 0)
            return faults;
        _ = Events.Close(faults);
        return -1;
    }

    private static void MoveUnheld(byte* address, long bytes, int descriptor, long offset, int protection)
    {
        byte* view = (byte*)SystemCallException.Check(
            SharedMemory.Map(null, (nuint)bytes, SharedMemory.PROT_READ | SharedMemory.PROT_WRITE, SharedMemory.MAP_SHARED, descriptor, offset), $"mmap({bytes})");
        Buffer.MemoryCopy(address, view, bytes, bytes);
        _ = SharedMemory.Unmap(view, (nuint)bytes);
        SharedMemory.MapSharedOver(address, descriptor, offset, bytes, protection);
    }

    private static SystemCallStep Step(
        nint number, nint argument0, nint argument1 = 0, nint argument2 = 0, nint argument3 = 0, nint argument4 = 0, nint argument5 = 0) => new()
    {
        Number = number,
        Argument0 = argument0,
        Argument1 = argument1,
        Argument2 = argument2,
        Argument3 = argument3,
        Argument4 = argument4,
        Argument5 = argument5,
    };

    private struct Block
    {
        public SystemCallStep Protect;
        public SystemCallStep Copy;
        public SystemCallStep Map;
        public SystemCallStep Close;
        public UserFaultWriteProtect WriteProtect;
    }
}
