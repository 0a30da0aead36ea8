using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// The QPs that wait for a time, earliest first: a binary heap in which each QP knows its place. A deadline that moves later is left where it is
/// and looked at again when the old time comes, since that is what each acknowledgement does; only one that moves earlier is sifted.
/// </summary>
internal sealed class DeadlineHeap
{
    private Entry[] _entries = new Entry[64];
    private int _count;

    /// <summary>A time not later than the earliest deadline, ns; long.MaxValue when nobody waits.</summary>
    public long NextNs => _count == 0 ? long.MaxValue : _entries[0].WhenNs;

    public int Count => _count;

    /// <summary>Takes note of <see cref="QueuePair.DeadlineNs"/>.</summary>
    public void Update(QueuePair qp)
    {
        long when = qp.DeadlineNs;
        int index = qp.TimerIndex;
        if (index >= 0)
        {
            if (when < _entries[index].WhenNs)
            {
                _entries[index].WhenNs = when;
                SiftUp(index);
            }
        }
        else if (when != long.MaxValue)
        {
            if (_count == _entries.Length)
            {
                Array.Resize(ref _entries, _count * 2);
            }

            _entries[_count] = new Entry { WhenNs = when, Qp = qp };
            SiftUp(_count++);
        }
    }

    /// <summary>Forgets a QP.</summary>
    public void Remove(QueuePair qp)
    {
        int index = qp.TimerIndex;
        if (index < 0)
        {
            return;
        }

        qp.TimerIndex = -1;
        Entry last = _entries[--_count];
        _entries[_count] = default;
        if (index != _count)
        {
            _entries[index] = last;
            last.Qp!.TimerIndex = index;
            SiftUp(index);
            SiftDown(last.Qp.TimerIndex);
        }
    }

    /// <summary>
    /// Calls <see cref="QueuePair.HandleTimeout"/> of those whose time has come. At most as many as waited at the start, so that a QP
    /// which asks for a time already past is served next turn. Returns how many were called.
    /// </summary>
    public int Expire(long nowNs)
    {
        int called = 0;
        for (int budget = _count; budget > 0 && NextNs <= nowNs; budget--)
        {
            QueuePair qp = _entries[0].Qp!;
            Remove(qp);
            if (qp.DeadlineNs <= nowNs)
            {
                qp.HandleTimeout(nowNs);
                called++;
            }

            // Also the way back for a deadline that had moved later.
            Update(qp);
        }

        return called;
    }

    private void SiftUp(int index)
    {
        Entry entry = _entries[index];
        while (index > 0)
        {
            int parent = (index - 1) / 2;
            if (_entries[parent].WhenNs <= entry.WhenNs)
            {
                break;
            }

            Place(index, _entries[parent]);
            index = parent;
        }

        Place(index, entry);
    }

    private void SiftDown(int index)
    {
        Entry entry = _entries[index];
        while (true)
        {
            int child = (2 * index) + 1;
            if (child >= _count)
            {
                break;
            }

            if (child + 1 < _count && _entries[child + 1].WhenNs < _entries[child].WhenNs)
            {
                child++;
            }

            if (entry.WhenNs <= _entries[child].WhenNs)
            {
                break;
            }

            Place(index, _entries[child]);
            index = child;
        }

        Place(index, entry);
    }

    private void Place(int index, in Entry entry)
    {
        _entries[index] = entry;
        entry.Qp!.TimerIndex = index;
    }

    private struct Entry
    {
        public long WhenNs;
        public QueuePair? Qp;
    }
}
