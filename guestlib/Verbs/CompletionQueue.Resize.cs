using System.Numerics;
using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <content>Resizing.</content>
public sealed unsafe partial class CompletionQueue
{
    /// <summary>Notification asked for while the queue is between two rings.</summary>
    private uint _armedMeanwhile;

    /// <summary>
    /// Gives the queue another size; completions not yet polled, and a notification asked for, move along. <c>ibv_resize_cq</c>. Other threads may
    /// poll and wait meanwhile: they find the queue empty until it is done.
    /// </summary>
    /// <param name="entries">Completions that it shall hold; rounded up to a power of two.</param>
    /// <exception cref="VerbsException">
    /// EINVAL: none, more than the device allows, or fewer than are waiting to be polled. ENOMEM: no room. EOPNOTSUPP: the device cannot. Nothing changed.
    /// </exception>
    public void Resize(int entries)
    {
        DeviceDriver driver = Context.Driver;
        if (entries < 1 || (uint)entries > driver.Caps.MaxCqe)
        {
            throw new VerbsException(Errno.Invalid, $"ibv_resize_cq: {entries} entries; the device allows 1 to {driver.Caps.MaxCqe}");
        }

        driver.Require(ExtensionBits.ExtendedVerbs, "ibv_resize_cq");
        uint slots = BitOperations.RoundUpToPowerOf2((uint)entries);
        lock (driver.CommandLock)
        {
            Context.ThrowIfClosed();
            ObjectDisposedException.ThrowIf(_closed, this);
            GuestPages pages = AllocatePages(slots);
            GuestPages unused = pages;
            Pause();
            try
            {
                ResizeInDevice(pages, slots);
                _gate.Enter();
                unused = _pages;
                MoveTo(pages, slots);
                Resume();
            }
            catch
            {
                _gate.Enter();
                Resume();
                throw;
            }
            finally
            {
                unused.Dispose();
            }
        }
    }

    /// <summary>Whoever polls finds nothing until <see cref="Resume"/>, so that the device moves what nobody takes twice.</summary>
    private void Pause()
    {
        _gate.Enter();
        _isResizing = true;
        _gate.Exit();
    }

    /// <summary>Under the gate, which it leaves: goes on with the ring as it is, and sees to it that nobody who armed or began to wait in between sleeps over a completion.</summary>
    private void Resume()
    {
        bool fires = ArmAndLookAgain(_armedMeanwhile);
        _armedMeanwhile = CompletionQueuePage.ArmedNone;
        _isResizing = false;
        _gate.Exit();
        if (fires)
        {
            OnNotified();
        }
    }

    /// <summary>
    /// Puts an arming into the word of the ring in use that was asked for elsewhere; true when the ring holds something already, so that the notification
    /// must be given here. Of two armings the stronger one stands.
    /// </summary>
    private bool ArmAndLookAgain(uint kind)
    {
        if (kind == CompletionQueuePage.ArmedNone)
        {
            return false;
        }

        uint before = Interlocked.CompareExchange(ref _page->ArmWord, kind, CompletionQueuePage.ArmedNone);
        if (before == CompletionQueuePage.ArmedSolicited && kind == CompletionQueuePage.ArmedAny)
        {
            _ = Interlocked.CompareExchange(ref _page->ArmWord, kind, before);
        }

        Interlocked.MemoryBarrier();
        return PvrdmaRing.ReadProducer(_ring) != _head
            && Interlocked.Exchange(ref _page->ArmWord, CompletionQueuePage.ArmedNone) != CompletionQueuePage.ArmedNone;
    }

    private void ResizeInDevice(GuestPages pages, uint slots)
    {
        uint made = Context.Driver.Execute<PvrdmaResizeCqPages, PvrdmaHandleResponse>(
            PvrdmaCommand.ResizeCqPages,
            new PvrdmaResizeCqPages
            {
                DirectoryAddress = pages.DirectoryAddress, CqHandle = Handle, EntryCount = slots, PageCount = (uint)pages.PageCount,
            },
            "ibv_resize_cq").Handle;
        if (made != slots)
        {
            Context.Driver.Channel.MarkLost();
            throw new VerbsException(Errno.InputOutput, $"ibv_resize_cq: the device made {made} entries of {slots}");
        }
    }

    private void MoveTo(GuestPages pages, uint slots)
    {
        // A device that moves the arm word with the entries leaves none behind.
        uint left = Interlocked.Exchange(ref _page->ArmWord, CompletionQueuePage.ArmedNone);
        Use(pages, slots);
        _head = PvrdmaRing.ReadConsumer(_ring);
        _armedMeanwhile = Stronger(_armedMeanwhile, left);
    }

    private static uint Stronger(uint one, uint other) =>
        one == CompletionQueuePage.ArmedAny || other == CompletionQueuePage.ArmedNone ? one : other;
}
