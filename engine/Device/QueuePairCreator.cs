using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>Makes the protocol's part of a QP, in the reset state; false when the engine does not speak that transport service.</summary>
public delegate bool QueuePairCreator(IQueuePairHost host, in QueuePairConfig config, ProtocolResources resources, out QueuePair? queuePair);
