namespace RoceEngine.Launching;

/// <summary>Something that a program started, or wanted to, did not do what it should: the message is one sentence for the user.</summary>
public class LaunchException(string message, Exception? inner = null) : Exception(message, inner);
