using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>Interrupt cause and mask. A vector raised while masked is raised when the mask goes.</summary>
internal sealed class InterruptController(IDeviceEnvironment environment)
{
    private uint _held;
    private uint _mask;

    /// <summary>Causes since last read.</summary>
    public uint Cause { get; private set; }

    public uint Mask
    {
        get => _mask;
        set
        {
            _mask = value;
            uint due = _held & ~value;
            _held &= value;
            for (int vector = 0; due != 0; vector++, due >>= 1)
            {
                if ((due & 1) != 0)
                {
                    environment.RaiseInterrupt(vector);
                }
            }
        }
    }

    public void Raise(PvrdmaInterruptVector vector)
    {
        uint bit = 1u << (int)vector;
        Cause |= bit;
        if ((_mask & bit) != 0)
        {
            _held |= bit;
            return;
        }

        environment.RaiseInterrupt((int)vector);
    }

    /// <summary>Reading the cause clears it.</summary>
    public uint TakeCause()
    {
        uint cause = Cause;
        Cause = 0;
        return cause;
    }

    /// <summary>Cause, mask and what is held back, as part of a device's state.</summary>
    public void Transfer(StateCursor state)
    {
        Cause = state.Value(Cause);
        state.Value(ref _mask);
        state.Value(ref _held);
        const uint vectors = 0b111;
        Cause &= vectors;
        _held &= vectors;
    }

    public void Clear() => _held = _mask = Cause = 0;
}
