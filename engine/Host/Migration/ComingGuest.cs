using System.Security.Cryptography;
using RoceEngine.Channel;
using RoceEngine.Interop;
using RoceEngine.Wire;

namespace RoceEngine.Host.Migration;

/// <summary>
/// A device on its way here, from the other daemon's offer until its guest is let in, or nothing comes of it. Changed on the conductor's thread only.
/// </summary>
internal sealed class ComingGuest(MigrationHost host, MigrationOffer offer, string name, Gid address, bool addsAddress, ChannelMemory memory)
{
    private const int TokenBytes = 32;

    private readonly TaskCompletionSource _claimed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _frozen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool _isArriving;
    private bool _isPreparing;
    private bool _wantsIn;

    /// <summary>What the guest shows.</summary>
    public string Token { get; } = Convert.ToBase64String(RandomNumberGenerator.GetBytes(TokenBytes));

    public MigrationOffer Offer { get; } = offer;

    public string Name { get; } = name;

    public Gid Address { get; } = address;

    /// <summary>The address is not on an interface here yet.</summary>
    public bool AddsAddress { get; } = addsAddress;

    public ChannelMemory Memory { get; } = memory;

    /// <summary>The guest's connection, once it has shown itself.</summary>
    public ControlClient? Client { get; private set; }

    /// <summary>The prepared device, once all of it came.</summary>
    public DeviceSlot? Slot { get; private set; }

    public Worker? Worker { get; private set; }

    /// <summary>The guest has shown itself.</summary>
    public Task Claimed => _claimed.Task;

    /// <summary>The guest does not touch its memory, and waits to be let in. Never, when it takes its memory along.</summary>
    public Task Frozen => _frozen.Task;

    /// <summary>True when the guest was let in, false when nothing comes of it.</summary>
    public Task<bool> Ended => _ended.Task;

    public bool HasEnded => _ended.Task.IsCompleted;

    /// <summary>The guest shows itself and what it brings along.</summary>
    public void Claim(ControlClient client)
    {
        int[] descriptors = client.TakeDescriptors();
        string? problem = TakeOver(descriptors);
        if (problem is not null)
        {
            client.Refuse(problem);
            return;
        }
        Client = client;
        client.Coming = this;
        var reply = new DaemonReply { Claimed = new ClaimReply { Name = Name } };
        if (client.TrySendWithDescriptors(reply, Memory.Descriptors[2..]))
            _claimed.TrySetResult();
    }

    /// <summary>What the guest says once it has shown itself.</summary>
    public void OnSaid(ReadOnlySpan<byte> message)
    {
        byte signal = message.Length == 1 ? message[0] : (byte)0;
        if (signal == MoveSignals.Arrive && !Offer.CopiesMemory)
            Arrive();
        else if (signal == MoveSignals.Frozen && Offer.CopiesMemory)
            _frozen.TrySetResult();
        else
            Drop();
    }

    /// <summary>All of the device came: what it needs is got now, on other threads. Which worker it will belong to.</summary>
    /// <exception cref="MigrationException">Nothing comes of it any more.</exception>
    public Worker BeginPreparation()
    {
        if (HasEnded)
            throw new MigrationException("the device's guest is gone");
        _isPreparing = true;
        return host.Guests.NextWorker();
    }

    /// <summary>The device is ready to run; or, without a slot, could not be made.</summary>
    public void EndPreparation(DeviceSlot? slot, Worker worker)
    {
        _isPreparing = false;
        Slot = slot;
        Worker = worker;
        if (HasEnded)
            TakeDown();
        else if (_wantsIn && slot is not null)
            Arrive();
    }

    /// <summary>
    /// The guest wants in, or waits to be let in: the device runs from here on, or never will. A guest whose daemon died asks as soon as that happens, and
    /// waits until all came that was sent before.
    /// </summary>
    public void Arrive()
    {
        if (HasEnded || _isArriving)
            return;
        ControlClient client = Client!;
        if (Slot is not { } slot)
        {
            _wantsIn = true;
            return;
        }
        _isArriving = true;
        host.Coming.Remove(this);
        var guest = new AttachedGuest
        {
            Name = Name,
            Address = Address,
            Slot = slot,
            Worker = Worker!,
            ProcessId = client.Peer.ProcessId,
            UserId = client.Peer.UserId,
            Identity = Offer.Identity,
            Epoch = Offer.Epoch,
            Client = client,
        };
        host.Guests.Add(guest);
        client.Coming = null;
        client.Guest = guest;
        Memory.Release();
        guest.Worker.Post(new WorkerCommand((worker, nowNs) => worker.Start(slot, nowNs), command => host.Post(() => LetIn(guest, command))));
    }

    /// <summary>Nothing comes of it: gives back all that was reserved. Nothing happens when that is settled already.</summary>
    public void Drop()
    {
        if (_isArriving || !_ended.TrySetResult(false))
            return;
        host.Coming.Remove(this);
        if (Client is { } client)
        {
            // A guest that asks at this moment must not take silence for a yes.
            client.SendFrame([MoveSignals.Refused]);
            client.Coming = null;
            client.CloseWhenSent = true;
        }
        if (!_isPreparing)
            TakeDown();
        Memory.Release();
    }

    private void TakeDown()
    {
        host.Guests.GiveBackName(Name);
        if (Slot is not { } slot)
        {
            host.Guests.GiveBack(Address);
            return;
        }
        Worker!.Post(new WorkerCommand((worker, _) => worker.Abandon(slot), _ => host.Post(() =>
        {
            slot.Close();
            host.Guests.GiveBack(Address);
        })));
    }

    private void LetIn(AttachedGuest guest, WorkerCommand command)
    {
        if (command.Error is { } error)
        {
            guest.Client!.SendFrame([MoveSignals.Refused]);
            host.Guests.Detach(guest, $"it could not be started: {error.Message}");
            _ended.TrySetResult(false);
            return;
        }
        ReadOnlySpan<byte> arrived = [MoveSignals.Arrived];
        if (Offer.CopiesMemory)
            guest.Client!.TrySendWithDescriptors(arrived, guest.Slot.Memory.Descriptors[..1]);
        else
            guest.Client!.SendFrame(arrived);
        _ended.TrySetResult(true);
    }

    private string? TakeOver(int[] descriptors)
    {
        int expected = Offer.CopiesMemory ? 1 : 2;
        if (descriptors.Length != expected)
        {
            foreach (int descriptor in descriptors)
                _ = Events.Close(descriptor);
            return $"{descriptors.Length} descriptors instead of {expected}";
        }
        try
        {
            Memory.TakeOver(descriptors[0], Offer.CopiesMemory ? -1 : descriptors[1]);
            return null;
        }
        catch (Exception e) when (e is ChannelException or SystemCallException)
        {
            return e.Message;
        }
    }
}
