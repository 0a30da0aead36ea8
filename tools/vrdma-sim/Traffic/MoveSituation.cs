namespace RoceEngine.Simulation.Traffic;

/// <summary>What a device was in the middle of when it was moved or saved, by its queue pairs; a queue pair may be in several.</summary>
internal enum MoveSituation
{
    /// <summary>Requests of this end had no completion yet.</summary>
    RequestsUnderWay,

    /// <summary>READs or atomics of this end waited for their answers.</summary>
    AwaitsResponses,

    /// <summary>READs or atomics of the peer waited for their answers.</summary>
    OwesResponses,

    /// <summary>A message had come in part.</summary>
    HalfReceived,

    /// <summary>The peer had no receive.</summary>
    AwaitsReceiver,

    /// <summary>The peer's device was about to stand still, or did, and had said so.</summary>
    PausedByPeer,

    /// <summary>The peer's device stood still as well.</summary>
    PeerStandsStill,

    /// <summary>The peer does not know what a notice is.</summary>
    PeerIsStock,

    /// <summary>The send queue was being drained, or was.</summary>
    Draining,

    /// <summary>The queue pair was in error.</summary>
    InError,

    /// <summary>Receives come from a shared queue.</summary>
    SharedReceives,

    /// <summary>Completion queues had been resized.</summary>
    ResizedQueues,

    UnreliableConnection,

    Datagrams,

    /// <summary>What went by memory goes by the network from now on.</summary>
    BecameRemote,

    /// <summary>What went by the network goes by memory from now on.</summary>
    BecameLocal,

    /// <summary>By memory, by the network, and by memory again, on the same queue pairs.</summary>
    LocalAgain,
}
