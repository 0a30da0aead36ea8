using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>Which ways of a <see cref="SimulatedNetwork"/> are cut, and until when.</summary>
internal sealed class SimulatedPartitions
{
    private readonly Dictionary<(Gid From, Gid To), long> _ways = [];
    private readonly Dictionary<Gid, long> _addresses = [];

    /// <summary>Cuts a way until <paramref name="healsAtNs"/>; a time that has passed heals it.</summary>
    public void CutWay(Gid from, Gid to, long healsAtNs) => _ways[(from, to)] = healsAtNs;

    /// <summary>Cuts all ways to and from an address until <paramref name="healsAtNs"/>.</summary>
    public void CutAddress(Gid address, long healsAtNs) => _addresses[address] = healsAtNs;

    public void HealAll()
    {
        _ways.Clear();
        _addresses.Clear();
    }

    public bool IsCut(Gid from, Gid to, long nowNs) =>
        (_ways.Count != 0 && _ways.TryGetValue((from, to), out long healsAtNs) && nowNs < healsAtNs)
        || (_addresses.Count != 0 && (IsCutOff(from, nowNs) || IsCutOff(to, nowNs)));

    private bool IsCutOff(Gid address, long nowNs) => _addresses.TryGetValue(address, out long healsAtNs) && nowNs < healsAtNs;
}
