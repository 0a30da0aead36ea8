using System.Collections.Concurrent;
using RoceEngine.Verbs.Internals.Mappings;
using SystemCallException = RoceEngine.Interop.SystemCallException;
using SystemErrno = RoceEngine.Interop.Errno;

namespace RoceEngine.Verbs.Internals;

/// <summary>
/// Lets a device in another process reach memory that the application allocated by itself: the pages behind a registration are moved into guest RAM, and
/// guest RAM is mapped in their place. The application keeps its addresses and its contents and notices nothing; the device sees guest RAM as ever.
/// </summary>
/// <remarks>
/// Pages stay where they were moved when their registration ends, since other threads may write to them at any time: they are moved at most once. Their
/// guest RAM is free again when the application has unmapped them. What the kernel says about the process's mappings is the truth at every
/// registration, so memory that was unmapped and mapped anew is found to be new. Only private memory can be moved, and what devices left behind that this
/// process has closed; what is shared with other processes would not be shared with them any more. A child of a fork does not have the moved pages, as
/// <c>ibv_fork_init(3)</c> has it for devices that keep pages where they are.
/// </remarks>
internal sealed unsafe class ApplicationPages(DeviceDriver driver)
{
    /// <summary>The guest RAM of devices that this process has closed, as far as its own pages are still in it. Nobody else reads or writes them.</summary>
    private static readonly ConcurrentDictionary<FileIdentity, bool> s_leftBehind = new();

    private readonly Lock _lock = new();
    private readonly List<Run> _runs = [];
    private FileIdentity _ram;

    /// <summary>
    /// The guest physical addresses of the pages behind a range, moved there if they were not. <paramref name="holds"/> keeps them until it is given to
    /// <see cref="Release"/>.
    /// </summary>
    /// <exception cref="VerbsException">
    /// EFAULT: not all of it is mapped. EOPNOTSUPP: a part is shared with other processes or devices, or the device is being moved. ENOMEM: guest RAM is too small.
    /// </exception>
    public long[] Share(byte* address, long bytes, out List<object> holds)
    {
        byte* first = (byte*)((ulong)address & ~(ulong)(GuestAllocator.PageBytes - 1));
        byte* end = (byte*)GuestAllocator.RoundUpToPages((long)(address + bytes));
        var held = new List<object>();
        long[] pages = [];
        VerbsException? problem = null;

        // The caller's own stack may lie in these pages: while it waits here it writes nothing to them.
        var mover = new Thread(() =>
        {
            try
            {
                lock (_lock)
                {
                    pages = Share(first, end, held);
                }
            }
            catch (VerbsException e)
            {
                problem = e;
            }
            catch (SystemCallException e)
            {
                problem = new VerbsException(e.Errno, $"ibv_reg_mr: {e.Message}", e);
            }
        }) { Name = "vrdma-register" };
        mover.Start();
        mover.Join();
        holds = held;
        if (problem is not null)
        {
            Release(held);
            throw problem;
        }

        return pages;
    }

    /// <summary>A registration is gone.</summary>
    public void Release(List<object> holds)
    {
        lock (_lock)
        {
            foreach (object hold in holds)
            {
                ((Run)hold).Holders--;
            }
        }
    }

    /// <summary>The device is closed: the pages stay where they are, and are the process's alone. Another device may have them.</summary>
    public void LeaveBehind()
    {
        lock (_lock)
        {
            if (_runs.Count > 0)
            {
                s_leftBehind[_ram] = true;
            }
        }
    }

    private long[] Share(byte* first, byte* end, List<object> held)
    {
        List<Mapping> mappings = Mapping.ReadAll();
        FileIdentity ram = Mapping.At(mappings, (ulong)driver.Channel.GuestRam)?.File
            ?? throw new VerbsException(Errno.InputOutput, "ibv_reg_mr: guest RAM is not among the mappings of this process");
        _ram = ram;
        Reclaim(mappings, ram);
        long[] pages = new long[(end - first) / GuestAllocator.PageBytes];
        ulong at = (ulong)first;
        while (at < (ulong)end)
        {
            Mapping mapping = Mapping.At(mappings, at) ?? throw new VerbsException(SystemErrno.EFAULT, $"ibv_reg_mr: nothing is mapped at 0x{at:x}");
            ulong next = Math.Min(mapping.End, (ulong)end);
            long offset = mapping.File == ram ? mapping.OffsetOf(at) : Move(mapping, at, (long)(next - at), held);
            if (mapping.File == ram)
            {
                Hold(offset, (long)(next - at), held);
            }

            for (; at < next; at += (ulong)GuestAllocator.PageBytes, offset += GuestAllocator.PageBytes)
            {
                pages[(at - (ulong)first) / (ulong)GuestAllocator.PageBytes] = offset;
            }
        }

        return pages;
    }

    private long Move(Mapping mapping, ulong at, long bytes, List<object> held)
    {
        bool isOurs = mapping.IsPrivate || s_leftBehind.ContainsKey(mapping.File);
        if (!isOurs || !mapping.IsReadable)
        {
            throw new VerbsException(
                Errno.NotSupported,
                $"ibv_reg_mr: the memory at 0x{at:x} ({mapping.Path}) is {(isOurs ? "not readable" : "shared with others")}: "
                + "a device in another process cannot have it");
        }

        long offset = driver.Allocator.Allocate(bytes, "the application's memory");
        try
        {
            driver.Channel.MoveIntoRam((byte*)at, offset, bytes, mapping.IsWritable);
        }
        catch
        {
            driver.Allocator.Release(offset, bytes);
            throw;
        }

        var run = new Run(offset, bytes) { Holders = 1 };
        _runs.Add(run);
        held.Add(run);
        return offset;
    }

    private void Hold(long offset, long bytes, List<object> held)
    {
        foreach (Run run in _runs)
        {
            if (run.Offset < offset + bytes && offset < run.Offset + run.Bytes)
            {
                run.Holders++;
                held.Add(run);
            }
        }
    }

    /// <summary>Frees the guest RAM of pages that nobody has registered and that the application has unmapped.</summary>
    private void Reclaim(List<Mapping> mappings, FileIdentity ram)
    {
        ulong whole = (ulong)driver.Channel.GuestRam;
        List<Mapping> moved = mappings.FindAll(mapping => mapping.File == ram && mapping.Start != whole);
        _ = _runs.RemoveAll(run =>
        {
            bool isFree = run.Holders == 0
                && !moved.Exists(mapping => mapping.FileOffset < run.Offset + run.Bytes && run.Offset < mapping.FileOffset + mapping.Bytes);
            if (isFree)
            {
                driver.Allocator.Release(run.Offset, run.Bytes);
            }

            return isFree;
        });
    }

    private sealed class Run(long offset, long bytes)
    {
        public long Offset { get; } = offset;

        public long Bytes { get; } = bytes;

        /// <summary>Registrations that lie on it, wholly or in part.</summary>
        public int Holders { get; set; }
    }
}
