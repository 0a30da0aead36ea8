namespace RoceEngine.Protocol;

/// <summary>
/// The deadlines of a worker's QPs: a binary heap that knows each QP's place (<see cref="QueuePair.TimerIndex"/>), so that an update
/// costs a few steps and ten thousand idle QPs cost nothing. Allocates only when it grows.
/// </summary>
public sealed class TimerHeap
{
    private QueuePair[] _heap = new QueuePair[16];

    /// <summary>QPs that wait for a time.</summary>
    public int Count { get; private set; }

    /// <summary>The earliest deadline in ns, <see cref="long.MaxValue"/> for none.</summary>
    public long NextDeadlineNs => Count == 0 ? long.MaxValue : _heap[0].DeadlineNs;

    /// <summary>The QP's <see cref="QueuePair.DeadlineNs"/> changed: puts it in its place, or takes it out when it is <see cref="long.MaxValue"/>.</summary>
    public void Update(QueuePair qp)
    {
        if (qp.DeadlineNs == long.MaxValue)
        {
            Remove(qp);
        }
        else if (qp.TimerIndex < 0)
        {
            Insert(qp);
        }
        else
        {
            SiftDown(SiftUp(qp.TimerIndex));
        }
    }

    /// <summary>Takes a QP out, whatever its deadline.</summary>
    public void Remove(QueuePair qp)
    {
        int index = qp.TimerIndex;
        if (index < 0)
        {
            return;
        }

        qp.TimerIndex = -1;
        QueuePair last = _heap[--Count];
        _heap[Count] = null!;
        if (last != qp)
        {
            Put(index, last);
            SiftDown(SiftUp(index));
        }
    }

    /// <summary>
    /// Takes out the earliest QP whose deadline has come, or returns null. Its <see cref="QueuePair.HandleTimeout"/> is to be called,
    /// which names a new deadline if there is one.
    /// </summary>
    public QueuePair? PopDue(long nowNs)
    {
        if (Count == 0 || _heap[0].DeadlineNs > nowNs)
        {
            return null;
        }

        QueuePair due = _heap[0];
        Remove(due);
        return due;
    }

    private void Insert(QueuePair qp)
    {
        if (Count == _heap.Length)
        {
            Array.Resize(ref _heap, Count * 2);
        }

        Put(Count, qp);
        SiftUp(Count++);
    }

    private void Put(int index, QueuePair qp)
    {
        _heap[index] = qp;
        qp.TimerIndex = index;
    }

    private int SiftUp(int index)
    {
        QueuePair qp = _heap[index];
        while (index > 0)
        {
            int parent = (index - 1) / 2;
            if (_heap[parent].DeadlineNs <= qp.DeadlineNs)
            {
                break;
            }

            Put(index, _heap[parent]);
            index = parent;
        }

        Put(index, qp);
        return index;
    }

    private void SiftDown(int index)
    {
        QueuePair qp = _heap[index];
        while (2 * index + 1 < Count)
        {
            int child = 2 * index + 1;
            if (child + 1 < Count && _heap[child + 1].DeadlineNs < _heap[child].DeadlineNs)
            {
                child++;
            }

            if (_heap[child].DeadlineNs >= qp.DeadlineNs)
            {
                break;
            }

            Put(index, _heap[child]);
            index = child;
        }

        Put(index, qp);
    }
}
