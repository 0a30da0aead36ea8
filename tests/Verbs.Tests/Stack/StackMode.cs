namespace RoceEngine.Verbs.Tests;

/// <summary>How two devices of one process reach each other, and who runs their engine.</summary>
public enum StackMode
{
    /// <summary>Two guests of one host with a worker thread: memory to memory.</summary>
    LocalThread,

    /// <summary>Two guests of one host that runs in the threads that poll.</summary>
    LocalInline,

    /// <summary>Two hosts, each with a worker thread, over UDP on the loopback interface.</summary>
    UdpThread,

    /// <summary>Two hosts that run in the threads that poll, over UDP on the loopback interface.</summary>
    UdpInline,
}
