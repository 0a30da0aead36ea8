using RoceEngine.Host;
using RoceEngine.Links;
using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Wire;

namespace RoceEngine.Simulation.World;

/// <summary>
/// Hosts, guests, a network and a clock in one thread. Virtual time passes in steps: what has arrived is handed over, every host has a
/// turn, every guest polls that is due, and what is planned for now is done. When nothing can happen, time jumps to where something can.
/// </summary>
internal sealed class SimulatedWorld : IDisposable
{
    private readonly List<SimulatedHost> _hosts = [];
    private readonly List<SimulatedGuest> _guests = [];
    private readonly Dice _clock;
    private bool _isBusy = true;
    private bool _isPolling;

    public SimulatedWorld(WorldPlan plan, SimulationSettings settings)
    {
        Plan = plan;
        Settings = settings;
        Dice = new Dice(plan.Seed ^ 0xB5AD_4ECE_DA1C_E2A9);
        _clock = Dice.Fork();
        Log = new EventLog { Listener = settings.Listener };
        Network = new SimulatedNetwork(plan.Seed, plan.Faults.Phases[0].Options) { Tap = new WorldTap(this, settings.Tap) };
        for (int i = 0; i < plan.HostCount; i++)
        {
            var host = new SimulatedHost(i);
            host.Worker.Local.Tap = settings.Tap is null ? null : new LocalTap(this, settings.Tap);
            _hosts.Add(host);
        }
        for (int i = 0; i < plan.HostOfGuest.Count; i++)
            _guests.Add(new SimulatedGuest(this, i, _hosts[plan.HostOfGuest[i]], Dice.Fork()));
    }

    public WorldPlan Plan { get; }

    public SimulationSettings Settings { get; }

    /// <summary>For whatever has no dice of its own.</summary>
    public Dice Dice { get; }

    public EventLog Log { get; }

    public SimulatedNetwork Network { get; }

    public Agenda Agenda { get; } = new();

    public IReadOnlyList<SimulatedHost> Hosts => _hosts;

    public IReadOnlyList<SimulatedGuest> Guests => _guests;

    /// <summary>Virtual time.</summary>
    public long NowNs { get; private set; } = 1_000_000;

    /// <summary>Guests are being polled: whoever waits for a device now must not make time pass.</summary>
    public bool IsPolling => _isPolling;

    /// <summary>Plans something for some time from now.</summary>
    public void After(long delayNs, Action action) => Agenda.At(NowNs + delayNs, action);

    /// <summary>Somebody posted something: the next step comes soon.</summary>
    public void Touch() => _isBusy = true;

    /// <summary>A host did something: its guests will look for completions.</summary>
    public void HostWorked(SimulatedHost host)
    {
        _isBusy = true;
        foreach (SimulatedGuest guest in _guests)
            guest.HostWorked(host, NowNs);
    }

    /// <summary>Runs until the condition holds; false when <paramref name="limitNs"/> passes first or nothing can happen any more.</summary>
    public bool RunUntil(Func<bool> isDone, long limitNs)
    {
        while (!isDone())
        {
            long nextNs = NextNs();
            if (nextNs > limitNs)
                return false;
            Step(nextNs);
        }
        return true;
    }

    /// <summary>True when nothing is under way, no timer runs, nothing is planned and nothing waits to be polled.</summary>
    public bool IsQuiet => !_isBusy && NextNs() == long.MaxValue;

    /// <summary>A guest waits for its device: its host works, and so do the others. Nobody polls meanwhile.</summary>
    public void Drive(SimulatedHost waiting)
    {
        if (_isPolling)
            return;
        if (waiting.StalledUntilNs > NowNs)
            NowNs = waiting.StalledUntilNs;
        NowNs += _clock.Between(200, Plan.TurnNsMax);
        Turn();
        _isBusy = true;
    }

    /// <summary>No more than one host may serve a device.</summary>
    public void CheckServedOnce(SimulatedGuest guest)
    {
        Gid address = Gid.From(guest.Address);
        int count = 0;
        foreach (SimulatedHost host in _hosts)
        {
            foreach (DeviceSlot slot in host.Worker.Slots)
                count += slot.Address == address ? 1 : 0;
        }
        SimulationFailure.Unless(count == 1, () => $"{guest.Name}: {count} hosts serve its device at the same time");
    }

    public void Dispose()
    {
        foreach (SimulatedGuest guest in _guests)
            guest.Dispose();
        foreach (SimulatedHost host in _hosts)
            host.Dispose();
    }

    private long NextNs()
    {
        if (_isBusy)
            return NowNs + _clock.Between(200, Plan.TurnNsMax);
        long nextNs = Math.Min(Network.NextDeliveryNs, Agenda.NextNs);
        foreach (SimulatedHost host in _hosts)
            nextNs = Math.Min(nextNs, host.NextDeadlineNs);
        foreach (SimulatedGuest guest in _guests)
            nextNs = Math.Min(nextNs, guest.NextPollNs);
        return nextNs == long.MaxValue ? nextNs : Math.Max(nextNs, NowNs + 1);
    }

    private void Step(long nextNs)
    {
        NowNs = nextNs;
        _isBusy = Turn();
        _isPolling = true;
        foreach (SimulatedGuest guest in _guests)
            guest.PollIfDue(NowNs);
        _isPolling = false;
        while (Agenda.TryRunNext(NowNs))
            _isBusy = true;
    }

    private bool Turn()
    {
        bool arrived = Network.Advance(NowNs) > 0;
        bool worked = arrived;
        foreach (SimulatedHost host in _hosts)
        {
            if (arrived)
                host.Worker.ForceWirePoll();
            if (host.Turn(NowNs))
            {
                worked = true;
                HostWorked(host);
            }
            SimulationFailure.Unless(host.Defect is null, () => $"host {host.Index}: {host.Defect}");
        }
        return worked;
    }

    /// <summary>Logs every datagram, and shows it to the tap with the world's time.</summary>
    private sealed class WorldTap(SimulatedWorld world, IPacketTap? next) : IPacketTap
    {
        public void OnDatagram(
            in Gid source, in Gid destination, ushort sourcePort, byte tos, ushort identification, ReadOnlySpan<byte> udpPayload, bool outgoing, long nowNs)
        {
            if (BthView.TryBind(udpPayload, out BthView bth))
            {
                ulong place = ((ulong)bth.DestinationQpn << 24) | bth.Psn.Value;
                world.Log.Add(world.NowNs, EventKind.Packet, "wire", (ulong)bth.Opcode, place, (ulong)udpPayload.Length);
            }
            next?.OnDatagram(source, destination, sourcePort, tos, identification, udpPayload, outgoing, world.NowNs);
        }
    }

    private sealed class LocalTap(SimulatedWorld world, IPacketTap next) : IPacketTap
    {
        public void OnDatagram(
            in Gid source, in Gid destination, ushort sourcePort, byte tos, ushort identification, ReadOnlySpan<byte> udpPayload, bool outgoing, long nowNs) =>
            next.OnDatagram(source, destination, sourcePort, tos, identification, udpPayload, outgoing, world.NowNs);
    }
}
