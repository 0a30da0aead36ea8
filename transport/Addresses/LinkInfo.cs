namespace RoceEngine.Addresses;

/// <summary>An interface as RTM_NEWLINK describes it.</summary>
/// <param name="Flags">IFF_* flags, netdevice(7).</param>
/// <param name="HardwareType">ARPHRD_* number.</param>
/// <param name="LinkAddress">Its MAC address, or what it has instead; empty when it has none.</param>
internal sealed record LinkInfo(int Index, string Name, uint Flags, ushort HardwareType, byte[] LinkAddress);
