namespace RoceEngine.Protocol;

/// <summary>The one partition that every port is a full member of. IBTA vol. 1, 10.9.</summary>
internal static class PartitionKeys
{
    /// <summary>The default partition, full membership: what every packet carries.</summary>
    public const ushort Default = 0xFFFF;

    private const int PartitionBits = 0x7FFF;

    /// <summary>
    /// True when a packet with that P_Key may be taken: of the same partition, and one of the two is a full member, which this side is.
    /// </summary>
    public static bool Accepts(ushort partitionKey) => (partitionKey & PartitionBits) == (Default & PartitionBits);
}
