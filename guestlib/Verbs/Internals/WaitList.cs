using System.Threading.Tasks.Sources;

namespace RoceEngine.Verbs.Internals;

/// <summary>
/// Those who wait for a value, in order of arrival. Waits are pooled: in steady state none of them allocates. Thread-safe.
/// Continuations run on the thread pool, never on the thread that completes them.
/// </summary>
internal sealed class WaitList<T>
{
    private const int PooledMax = 32;

    private readonly Lock _lock = new();
    private Waiter? _first;
    private Waiter? _last;
    private Waiter? _pool;
    private int _pooledCount;

    private bool IsWaitedOn => Volatile.Read(ref _first) is not null;

    /// <summary>Begins a wait. The caller looks once more for what it waits for after this, since a wake-up before it is not remembered.</summary>
    public ValueTask<T> Wait(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(cancellationToken);
        }

        Waiter waiter = Enlist(cancellationToken, out short version);
        return new ValueTask<T>(waiter, version);
    }

    /// <summary>As <see cref="Wait"/>, for those to whom the value means nothing.</summary>
    public ValueTask WaitForSignal(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        Waiter waiter = Enlist(cancellationToken, out short version);
        return new ValueTask(waiter, version);
    }

    /// <summary>Gives the value to who has waited longest; false when nobody waits.</summary>
    public bool TryCompleteFirst(T value)
    {
        Waiter? waiter;
        lock (_lock)
        {
            waiter = _first;
            if (waiter is not null)
            {
                Unlink(waiter);
            }
        }

        waiter?.Complete(value);
        return waiter is not null;
    }

    /// <summary>Gives the value to all who wait.</summary>
    public void CompleteAll(T value)
    {
        while (IsWaitedOn && TryCompleteFirst(value))
        {
        }
    }

    /// <summary>Ends all waits with an exception.</summary>
    public void FailAll(Exception exception)
    {
        while (true)
        {
            Waiter? waiter;
            lock (_lock)
            {
                waiter = _first;
                if (waiter is null)
                {
                    return;
                }

                Unlink(waiter);
            }

            waiter.Fail(exception);
        }
    }

    private Waiter Enlist(CancellationToken cancellationToken, out short version)
    {
        Waiter waiter;
        lock (_lock)
        {
            waiter = TakeFromPool();
            waiter.Previous = _last;
            waiter.IsLinked = true;
            if (_last is null)
            {
                _first = waiter;
            }
            else
            {
                _last.Next = waiter;
            }

            _last = waiter;
            version = waiter.Version;
        }

        // The caller cannot take the result before this returns, so the registration is always the one of this wait.
        waiter.RegisterCancellation(cancellationToken);
        return waiter;
    }

    private Waiter TakeFromPool()
    {
        Waiter? pooled = _pool;
        if (pooled is null)
        {
            return new Waiter(this);
        }

        _pool = pooled.Next;
        _pooledCount--;
        pooled.Next = null;
        return pooled;
    }

    private void Unlink(Waiter waiter)
    {
        if (waiter.Previous is null)
        {
            _first = waiter.Next;
        }
        else
        {
            waiter.Previous.Next = waiter.Next;
        }

        if (waiter.Next is null)
        {
            _last = waiter.Previous;
        }
        else
        {
            waiter.Next.Previous = waiter.Previous;
        }

        waiter.Next = null;
        waiter.Previous = null;
        waiter.IsLinked = false;
    }

    private bool TryWithdraw(Waiter waiter)
    {
        lock (_lock)
        {
            if (!waiter.IsLinked)
            {
                return false;
            }

            Unlink(waiter);
            return true;
        }
    }

    private void Return(Waiter waiter)
    {
        lock (_lock)
        {
            if (_pooledCount < PooledMax)
            {
                waiter.Next = _pool;
                _pool = waiter;
                _pooledCount++;
            }
        }
    }

    private sealed class Waiter(WaitList<T> owner) : IValueTaskSource<T>, IValueTaskSource
    {
        private ManualResetValueTaskSourceCore<T> _core = new() { RunContinuationsAsynchronously = true };
        private CancellationTokenRegistration _cancellation;
        private CancellationToken _token;

        public Waiter? Next { get; set; }

        public Waiter? Previous { get; set; }

        public bool IsLinked { get; set; }

        public short Version => _core.Version;

        public void RegisterCancellation(CancellationToken token)
        {
            _token = token;
            _cancellation = token.UnsafeRegister(static state => ((Waiter)state!).Cancel(), this);
        }

        public void Complete(T value) => _core.SetResult(value);

        public void Fail(Exception exception) => _core.SetException(exception);

        public T GetResult(short token)
        {
            try
            {
                return _core.GetResult(token);
            }
            finally
            {
                // Waits for a cancellation under way, so that none reaches the next wait of this object.
                _cancellation.Dispose();
                _cancellation = default;
                _token = default;
                _core.Reset();
                owner.Return(this);
            }
        }

        void IValueTaskSource.GetResult(short token) => GetResult(token);

        public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _core.OnCompleted(continuation, state, token, flags);

        private void Cancel()
        {
            if (owner.TryWithdraw(this))
            {
                _core.SetException(new OperationCanceledException(_token));
            }
        }
    }
}
