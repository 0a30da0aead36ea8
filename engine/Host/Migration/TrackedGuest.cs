using System.Buffers.Binary;
using System.Runtime.InteropServices;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Host.Migration;

/// <summary>What the host has of a guest that notes what it writes: where its memory is in its process, and the list of pages that it wrote last.</summary>
internal sealed unsafe class TrackedGuest : IDisposable
{
    private readonly ulong _guestStart;
    private readonly long _pageCount;
    private readonly long _bytes;
    private PageRegion* _written;

    private TrackedGuest(ulong guestStart, long pageCount, PageRegion* written, long bytes)
    {
        _guestStart = guestStart;
        _pageCount = pageCount;
        _written = written;
        _bytes = bytes;
    }

    /// <summary>Understands the answer to <see cref="MoveSignals.Track"/>, and takes over its descriptor.</summary>
    /// <exception cref="MigrationException">The guest sent something else.</exception>
    public static TrackedGuest From(GuestAnswer answer, long guestRamBytes)
    {
        long pages = guestRamBytes / SharedMemory.PageBytes;
        try
        {
            // A memfd that could shrink would take pages away from under this process.
            if (answer.Content.Length != sizeof(ulong) || answer.Descriptor < 0
                || (SharedMemory.GetSeals(answer.Descriptor) & SharedMemory.F_SEAL_SHRINK) == 0
                || SharedMemory.GetSeals(answer.Descriptor) < 0)
            {
                throw new MigrationException("the guest does not tell where its memory is");
            }
            long bytes = Math.Min(SharedMemory.GetBytes(answer.Descriptor), (pages + 2) * sizeof(PageRegion));
            var written = (PageRegion*)SharedMemory.MapShared(answer.Descriptor, bytes, SharedMemory.PROT_READ);
            return new TrackedGuest(BinaryPrimitives.ReadUInt64LittleEndian(answer.Content.Span), pages, written, bytes);
        }
        catch (SystemCallException e)
        {
            throw new MigrationException($"the guest's list of pages cannot be used: {e.Message}");
        }
        finally
        {
            if (answer.Descriptor >= 0)
                _ = Events.Close(answer.Descriptor);
        }
    }

    /// <summary>The pages written last, once the guest is frozen.</summary>
    /// <exception cref="MigrationException">The list makes no sense.</exception>
    public ulong[] TakeLastWritten()
    {
        ulong[] bitmap = new ulong[WrittenPages.Words(_pageCount)];
        return WrittenPages.TryAdd(_written, _bytes / sizeof(PageRegion), _guestStart, _pageCount, bitmap)
            ? bitmap
            : throw new MigrationException("the guest's list of written pages makes no sense");
    }

    public void Dispose()
    {
        if (_written != null)
            _ = SharedMemory.Unmap(_written, (nuint)_bytes);
        _written = null;
    }
}
