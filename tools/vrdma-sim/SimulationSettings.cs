using RoceEngine.Host;
using RoceEngine.Links;
using RoceEngine.Simulation.World;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation;

/// <summary>What is asked of a run beside its seed. None of it changes what happens, except a defect put in on purpose.</summary>
internal sealed record SimulationSettings
{
    /// <summary>Gets every event; null for nobody.</summary>
    public Action<WorldEvent>? Listener { get; init; }

    /// <summary>Sees every datagram in virtual time, local ones included; null for nobody.</summary>
    public IPacketTap? Tap { get; init; }

    /// <summary>A defect between the engine and the checks; null for none.</summary>
    public Interference? Interference { get; init; }
}

/// <summary>A defect put in on purpose, to show that the checks notice it. Each method does nothing unless overridden.</summary>
internal abstract class Interference
{
    /// <summary>What a poll brought, before the application sees it.</summary>
    public virtual void OnPolled(List<WorkCompletion> completions)
    {
    }

    /// <summary>The memory of one end of a connection, before it is compared.</summary>
    public virtual void OnCompare(Span<byte> memory)
    {
    }

    /// <summary>Puts something between a device and its link.</summary>
    public virtual Wire.ILink Wrap(Wire.ILink link) => link;

    /// <summary>A device begins nothing new from now on: it is about to stand still.</summary>
    public virtual void OnQuiesced(DeviceSlot slot)
    {
    }

    /// <summary>A device is about to stand still.</summary>
    public virtual void OnFreezing(DeviceSlot slot)
    {
    }

    /// <summary>A device was made out of what it was saved as, over the memory that it will have, and does nothing yet.</summary>
    public virtual void OnLoaded(DeviceSlot slot)
    {
    }

    /// <summary>A device that goes elsewhere goes on where it is as well.</summary>
    public virtual bool ForgetsToStop => false;

    /// <summary>A device that was restored before is restored as though it had not been.</summary>
    public virtual bool ForgetsEpoch => false;
}
