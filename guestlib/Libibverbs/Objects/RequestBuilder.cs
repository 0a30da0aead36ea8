using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs.Objects;

/// <summary>
/// Work requests that a program puts together call by call, to be posted all at once or not at all. <c>ibv_wr_post(3)</c>. The program's thread holds
/// it from start to complete or abort. Allocates only while it grows.
/// </summary>
internal sealed unsafe class RequestBuilder(QueuePair queuePair) : IDisposable
{
    private readonly object _lock = new();
    private Pending[] _requests = [];
    private int _count;
    private IbvSge* _entries;
    private int _entryCount;
    private int _entryRoom;
    private byte* _inline;
    private int _inlineBytes;
    private int _inlineRoom;
    private int _errno;

    /// <summary><c>ibv_wr_start(3)</c>.</summary>
    public void Start()
    {
        Monitor.Enter(_lock);
        Clear();
    }

    /// <summary>Begins a request; what follows sets its data.</summary>
    public void Add(in SendRequest request)
    {
        if (_count == _requests.Length)
        {
            Array.Resize(ref _requests, Math.Max(16, 2 * _count));
        }

        _requests[_count++] = new Pending { Request = request, FirstEntry = _entryCount, FirstInline = _inlineBytes };
    }

    /// <summary>Begins a bind of a window.</summary>
    public void AddBind(MemoryWindow window, in WindowBind bind, ulong workRequestId, SendFlags flags)
    {
        Add(new SendRequest { WorkRequestId = workRequestId, Opcode = SendOpcode.BindWindow, Flags = flags });
        _requests[_count - 1].Window = window;
        _requests[_count - 1].Bind = bind;
    }

    /// <summary>The destination of the request begun last. <c>ibv_wr_set_ud_addr(3)</c>.</summary>
    public void SetDestination(AddressHandle handle, uint queuePair, uint queueKey)
    {
        if (_count != 0)
        {
            ref SendRequest request = ref _requests[_count - 1].Request;
            request.Destination = handle;
            request.RemoteQueuePair = queuePair;
            request.RemoteQueueKey = queueKey;
        }
    }

    /// <summary>Local memory of the request begun last.</summary>
    public void SetEntries(ReadOnlySpan<IbvSge> entries)
    {
        if (_count == 0)
        {
            return;
        }

        ref Pending last = ref _requests[_count - 1];
        _entryCount = last.FirstEntry + entries.Length;
        if (_entryCount > _entryRoom)
        {
            _entryRoom = Math.Max(64, 2 * _entryCount);
            _entries = (IbvSge*)NativeMemory.Realloc(_entries, (nuint)_entryRoom * (nuint)sizeof(IbvSge));
        }

        entries.CopyTo(new Span<IbvSge>(_entries + last.FirstEntry, entries.Length));
        last.EntryCount = entries.Length;
    }

    /// <summary>Begins the inline data of the request begun last.</summary>
    public void BeginInline()
    {
        if (_count != 0)
        {
            _requests[_count - 1].IsInline = true;
            _inlineBytes = _requests[_count - 1].FirstInline;
        }
    }

    /// <summary>Copies a part of the inline data.</summary>
    public void AddInline(byte* data, nuint bytes)
    {
        if (_count == 0)
        {
            return;
        }

        if (bytes > (nuint)queuePair.InlineBytes)
        {
            Fail(Errno.Invalid);
            return;
        }

        if (_inlineBytes + (int)bytes > _inlineRoom)
        {
            _inlineRoom = Math.Max(1024, 2 * (_inlineBytes + (int)bytes));
            _inline = (byte*)NativeMemory.Realloc(_inline, (nuint)_inlineRoom);
        }

        NativeMemory.Copy(data, _inline + _inlineBytes, bytes);
        _inlineBytes += (int)bytes;
        _requests[_count - 1].InlineBytes = _inlineBytes - _requests[_count - 1].FirstInline;
    }

    /// <summary>A call between start and complete could not be carried out: complete will say so.</summary>
    public void Fail(int errno)
    {
        if (_errno == 0)
        {
            _errno = errno;
        }
    }

    /// <summary>
    /// Posts what was put together. <c>ibv_wr_complete(3)</c>: 0 or the error number. Nothing is posted when the queue has too little room; a request that
    /// is refused for its content stops at itself, and those before it are posted.
    /// </summary>
    public int Complete()
    {
        try
        {
            return _errno != 0 ? _errno : queuePair.FreeSendSlots < _count ? Errno.NoMemory : Post();
        }
        catch (Exception e)
        {
            return Failure.Of(e);
        }
        finally
        {
            Clear();
            Monitor.Exit(_lock);
        }
    }

    /// <summary>Forgets all. <c>ibv_wr_abort(3)</c>.</summary>
    public void Abort()
    {
        Clear();
        Monitor.Exit(_lock);
    }

    public void Dispose()
    {
        NativeMemory.Free(_entries);
        NativeMemory.Free(_inline);
        _entries = null;
        _inline = null;
    }

    private int Post()
    {
        queuePair.BeginPost();
        try
        {
            for (int i = 0; i < _count; i++)
            {
                if (!TryPost(in _requests[i]))
                {
                    return Errno.NoMemory;
                }
            }
        }
        finally
        {
            queuePair.EndPost();
        }

        return 0;
    }

    private bool TryPost(in Pending pending)
    {
        if (pending.Window is not null)
        {
            return queuePair.TryPostBindWindow(pending.Window, in pending.Bind, out _, pending.Request.WorkRequestId, pending.Request.Flags);
        }

        // In bounds: both counts were added to what the pointers have room for.
        return pending.IsInline
            ? queuePair.TryPostSendInline(in pending.Request, new ReadOnlySpan<byte>(_inline + pending.FirstInline, pending.InlineBytes))
            : queuePair.TryPostSend(in pending.Request, new ReadOnlySpan<ScatterGatherEntry>(_entries + pending.FirstEntry, pending.EntryCount));
    }

    private void Clear()
    {
        Array.Clear(_requests, 0, _count);
        _count = 0;
        _entryCount = 0;
        _inlineBytes = 0;
        _errno = 0;
    }

    private struct Pending
    {
        public SendRequest Request;
        public MemoryWindow? Window;
        public WindowBind Bind;
        public int FirstEntry;
        public int EntryCount;
        public int FirstInline;
        public int InlineBytes;
        public bool IsInline;
    }
}
