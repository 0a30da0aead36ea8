namespace RoceEngine.SideBySide.Engine;

/// <summary>A request of a measurement completed with an error; the message is one line.</summary>
internal sealed class RequestFailedException(string message) : InvalidOperationException(message);
