namespace RoceEngine.Host.Migration;

/// <summary>Devices whose migration to this host has begun and whose guests were not let in yet, by their tokens. The conductor's thread only.</summary>
internal sealed class ComingGuests
{
    private readonly Dictionary<string, ComingGuest> _byToken = [];

    public int Count => _byToken.Count;

    public void Add(ComingGuest coming) => _byToken.Add(coming.Token, coming);

    public void Remove(ComingGuest coming) => _byToken.Remove(coming.Token);

    /// <summary>The device that a token stands for; each is shown once.</summary>
    public ComingGuest? Find(string? token) => token is not null && _byToken.TryGetValue(token, out ComingGuest? coming) && coming.Client is null ? coming : null;
}
