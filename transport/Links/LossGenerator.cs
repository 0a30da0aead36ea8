namespace RoceEngine.Links;

/// <summary>Random loss, for tests: each datagram is lost with the same probability, independent of the others.</summary>
internal struct LossGenerator(double rate, ulong seed)
{
    private readonly bool _isOn = rate > 0;
    private DeterministicRandom _random = new(seed);

    /// <summary>Draws the next datagram's fate.</summary>
    public bool IsLost() => _isOn && _random.Chance(rate);
}
