namespace RoceEngine.Libibverbs.Objects;

/// <summary>
/// Events that were handed to the program and those that it acknowledged: an object goes only when both are equal, so that no thread still looks at it.
/// <c>ibv_ack_cq_events(3)</c>, <c>ibv_ack_async_event(3)</c>.
/// </summary>
internal sealed class EventAccount
{
    private readonly object _lock = new();
    private long _unacknowledged;

    /// <summary>An event about the object goes to the program.</summary>
    public void Deliver()
    {
        lock (_lock)
        {
            _unacknowledged++;
        }
    }

    /// <summary>The program is done with so many.</summary>
    public void Acknowledge(uint count)
    {
        lock (_lock)
        {
            _unacknowledged -= count;
            if (_unacknowledged <= 0)
            {
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>Waits until the program is done with all.</summary>
    public void AwaitAcknowledgements()
    {
        lock (_lock)
        {
            while (_unacknowledged > 0)
            {
                _ = Monitor.Wait(_lock);
            }
        }
    }
}
