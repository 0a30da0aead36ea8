using RoceEngine.Launching;

namespace RoceEngine.Vrdma.Demo;

/// <summary>The demo cannot go on; the message says who failed and how.</summary>
internal sealed class DemoException(string message, Exception? inner = null) : LaunchException(message, inner);
