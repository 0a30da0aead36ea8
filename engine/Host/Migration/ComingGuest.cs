using System.Security.Cryptography;
using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Interop;
using RoceEngine.Wire;

namespace RoceEngine.Host.Migration;

/// <summary>
/// A device on its way here, from the other daemon's offer until its guest is let in, or nothing comes of it. Changed on the conductor's thread only.
/// </summary>
internal sealed class ComingGuest(
    MigrationHost host, MigrationOffer offer, string name, Gid address, bool addsAddress, ChannelMemory memory, Worker worker)
{
    private const int TokenBytes = 32;

    private readonly TaskCompletionSource _claimed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _frozen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool _isPrepared;
    private bool _isTaken;

    /// <summary>What the guest shows.</summary>
    public string Token { get; } = Convert.ToBase64String(RandomNumberGenerator.GetBytes(TokenBytes));

    public MigrationOffer Offer { get; } = offer;

    public string Name { get; } = name;

    public Gid Address { get; } = address;

    /// <summary>The address is not on an interface here yet.</summary>
    public bool AddsAddress { get; } = addsAddress;

    public ChannelMemory Memory { get; } = memory;

    /// <summary>Where the device is, once its guest has shown itself and the memory that tells.</summary>
    public unsafe MoveDecision Decision => MoveDecision.Of(Memory.Control, Offer.Attempt);

    /// <summary>The guest's connection, once it has shown itself.</summary>
    public ControlClient? Client { get; private set; }

    /// <summary>The prepared device, once all of it came.</summary>
    public DeviceSlot? Slot { get; private set; }

    /// <summary>The worker that the device will belong to.</summary>
    public Worker Worker { get; } = worker;

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
        if (message.Length == 1 && message[0] == MoveSignals.Frozen && Offer.CopiesMemory)
            _frozen.TrySetResult();
        else
            Drop();
    }

    /// <summary>
    /// The worker was given the device: it has taken it and lets it run, or failed at that; or, when it was withdrawn, holds it; or never gets it, and there
    /// is no slot. Said once: what is said after it changes nothing.
    /// </summary>
    public void EndPreparation(DeviceSlot? slot, bool isTaken, Exception? failure = null)
    {
        if (_isPrepared)
            return;
        _isPrepared = true;
        Slot = slot;
        _isTaken = isTaken;
        if (isTaken)
            LetIn(failure);
        else if (HasEnded)
            TakeDown();
    }

    /// <summary>Nothing more comes for the device; unless it was taken, nothing comes of it.</summary>
    public void GiveUp()
    {
        EndPreparation(slot: null, isTaken: false);
        Drop();
    }

    /// <summary>
    /// Nothing comes of it: gives back all that was reserved, once its preparation has ended. Nothing happens when that is settled already.
    /// </summary>
    public void Drop()
    {
        if (!_ended.TrySetResult(false))
            return;
        host.Coming.Remove(this);
        if (Client is { } client)
        {
            _ = Decision.TryWithdraw();
            client.SendFrame([MoveSignals.Refused]);
            client.Coming = null;
            client.CloseWhenSent = true;
        }
        if (_isPrepared && !_isTaken)
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
        Worker.Post(new WorkerCommand((worker, _) => worker.Abandon(slot), _ => host.Post(() =>
        {
            slot.Close();
            host.Guests.GiveBack(Address);
        })));
    }

    /// <summary>The device runs here. Its guest follows; one that ended meanwhile has it taken away as any other.</summary>
    private void LetIn(Exception? failure)
    {
        ControlClient client = Client!;
        host.Coming.Remove(this);
        var guest = new AttachedGuest
        {
            Name = Name,
            Address = Address,
            Slot = Slot!,
            Worker = Worker,
            ProcessId = client.Peer.ProcessId,
            UserId = client.Peer.UserId,
            Identity = Offer.Identity,
            Epoch = Offer.Epoch,
        };
        host.Guests.Add(guest);
        if (failure is not null)
            Drop();
        if (HasEnded)
        {
            host.Guests.Detach(guest, failure is null ? "its process ended while the device was being moved" : $"it could not be started: {failure.Message}");
            return;
        }
        guest.Client = client;
        client.Coming = null;
        client.Guest = guest;
        Memory.Release();
        ReadOnlySpan<byte> arrived = [MoveSignals.Arrived];
        if (Offer.CopiesMemory)
            client.TrySendWithDescriptors(arrived, Memory.Descriptors[..1]);
        else
            client.SendFrame(arrived);
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
