namespace RoceEngine.Host.Migration;

/// <summary>A migration or restoration cannot be; the message is one sentence for the person who asked for it.</summary>
internal sealed class MigrationException(string message) : Exception(message);
