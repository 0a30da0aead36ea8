using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Host;
using RoceEngine.Protocol;
using RoceEngine.Simulation.Checking;
using RoceEngine.Wire;

namespace RoceEngine.Simulation.World;

/// <content>The guest's device is saved while it goes on, and what was saved comes to life elsewhere.</content>
internal sealed partial class SimulatedGuest
{
    private const int TurnsOfSecondLife = 40;

    /// <summary>Saves the device while it goes on. What was saved loads over a copy of the memory, and saves as the same again.</summary>
    public void SaveAndCompare()
    {
        (byte[] saved, ChannelMemory copy) = Save();
        byte[] again = [];
        LetTwinLive(saved, copy, new SilentLink(), (worker, twin, nowNs) =>
        {
            again = worker.Save(twin, nowNs);
            worker.Abandon(twin);
        });
        SimulationFailure.Unless(saved.AsSpan().SequenceEqual(again), () => $"{Name}: what was saved and loaded saves as something else ({FirstDifference(saved, again)})");
    }

    /// <summary>
    /// Saves the device while it goes on, and restores it elsewhere at the same time. The second one must not answer anybody with numbers that the
    /// first one uses: its queue pairs are in error, all that was posted is flushed, and not a packet leaves.
    /// </summary>
    public void SaveAndLiveTwice()
    {
        (byte[] saved, ChannelMemory copy) = Save();
        var link = new SilentLink();
        LetTwinLive(
            saved,
            copy,
            link,
            (worker, twin, nowNs) =>
            {
                if (_world.Settings.Interference is not { ForgetsEpoch: true })
                    Break(twin.Device, nowNs);
                worker.Start(twin, nowNs);
            },
            (other, twin, fromNs) =>
            {
                for (int i = 1; i <= TurnsOfSecondLife; i++)
                    other.Turn(fromNs + i * 1_000_000L);
                SimulationFailure.Unless(link.Emitted == 0, () => $"{Name}: restored while it lives elsewhere, it sent {link.Emitted} packets");
                CheckBroken(twin.Device);
                CheckFlushed(twin.Device);
                SimulationFailure.Unless(other.Defect is null, () => $"{Name}: {other.Defect}");
                other.Worker.Post(new WorkerCommand((worker, _) => worker.Remove(twin)));
                other.Worker.Turn(fromNs + (TurnsOfSecondLife + 1) * 1_000_000L);
            });
    }

    private (byte[] Saved, ChannelMemory Copy) Save()
    {
        DeviceSlot slot = _slot!;
        byte[] saved = [];
        ChannelMemory? copy = null;
        Execute((worker, nowNs) =>
        {
            saved = worker.Save(slot, nowNs);
            copy = slot.Memory.Copy();
        });
        _world.Log.Add(_world.NowNs, EventKind.Saved, Name, (ulong)saved.Length);
        return (saved, copy!);
    }

    /// <summary>Makes a device out of a state on a host that nobody sees, over memory that goes with it.</summary>
    private void LetTwinLive(
        byte[] saved, ChannelMemory memory, SilentLink link, Action<Worker, DeviceSlot, long> onLoaded, Action<SimulatedHost, DeviceSlot, long>? afterwards = null)
    {
        using var other = new SimulatedHost(Host.Index);
        DeviceSlot twin = DeviceSlot.ForMoved(Options(), memory, link, _world.Plan.WindowBytes, other);
        memory.Release();
        var command = new WorkerCommand((worker, nowNs) =>
        {
            worker.Prepare(twin, saved, nowNs);
            onLoaded(worker, twin, nowNs);
        });
        other.Worker.Post(command);
        other.Worker.Turn(_world.NowNs);
        SimulationFailure.Unless(command.Error is null, () => $"{Name}: what was saved does not load: {command.Error}");
        afterwards?.Invoke(other, twin, _world.NowNs);
        twin.Close();
    }

    /// <summary>What a host does with a device that lives, or lived on, elsewhere.</summary>
    private void Break(VrdmaDevice device, long nowNs)
    {
        if (_world.Settings.Interference is not { ForgetsEpoch: true })
            device.BreakQueuePairs(nowNs);
    }

    private void CheckBroken(VrdmaDevice device)
    {
        foreach (QueuePairSnapshot qp in device.ListQueuePairs())
        {
            SimulationFailure.Unless(
                qp.Attributes.State is QueuePairState.Error or QueuePairState.Reset,
                () => $"{Name}: restored a second time, and queue pair {qp.Qpn:x6} is in {qp.Attributes.State}, with sequence numbers that were used");
        }
    }

    private void CheckFlushed(VrdmaDevice device)
    {
        foreach (QueuePairSnapshot qp in device.ListQueuePairs())
        {
            SimulationFailure.Unless(
                qp.SendsOutstanding == 0 && qp.ReceivesOutstanding == 0,
                () => $"{Name}: queue pair {qp.Qpn:x6} is in {qp.Attributes.State}, with {qp.SendsOutstanding} sends and {qp.ReceivesOutstanding} receives outstanding");
        }
    }

    private static string FirstDifference(byte[] one, byte[] other) =>
        $"{one.Length} and {other.Length} bytes, alike up to byte {one.AsSpan().CommonPrefixLength(other)}";
}
