namespace RoceEngine.Device;

/// <summary>The QPs that have something to transmit, served in turn: a list through the QPs themselves.</summary>
internal struct TransmitList
{
    private DeviceQueuePair? _first;
    private DeviceQueuePair? _last;

    public readonly bool IsEmpty => _first is null;

    /// <summary>Puts a QP at the end.</summary>
    public void Append(DeviceQueuePair qp)
    {
        qp.NextScheduled = null;
        if (_last is null)
        {
            _first = qp;
        }
        else
        {
            _last.NextScheduled = qp;
        }

        _last = qp;
    }

    /// <summary>Takes the first QP; the list must not be empty.</summary>
    public DeviceQueuePair TakeFirst()
    {
        DeviceQueuePair qp = _first!;
        _first = qp.NextScheduled;
        if (_first is null)
        {
            _last = null;
        }

        qp.NextScheduled = null;
        return qp;
    }

    /// <summary>Takes a QP out, wherever it is.</summary>
    public void Remove(DeviceQueuePair qp)
    {
        DeviceQueuePair? before = null;
        for (DeviceQueuePair? at = _first; at is not null; before = at, at = at.NextScheduled)
        {
            if (at != qp)
            {
                continue;
            }

            if (before is null)
            {
                _first = qp.NextScheduled;
            }
            else
            {
                before.NextScheduled = qp.NextScheduled;
            }

            if (_last == qp)
            {
                _last = before;
            }

            qp.NextScheduled = null;
            return;
        }
    }

    public void Clear() => _first = _last = null;
}
