namespace RoceEngine.Device;

/// <summary>A user context: a UAR page of its own.</summary>
internal sealed class UserContext
{
    public uint Handle;

    public ulong UarPageFrame;

    /// <summary>PDs and CQs that name it; it can be destroyed only at 0.</summary>
    public int References;
}

/// <summary>A protection domain: MRs and QPs of the same one may meet.</summary>
internal sealed class ProtectionDomain
{
    public uint Handle;

    /// <summary>Null for the driver's own context.</summary>
    public UserContext? Context;

    /// <summary>MRs and QPs in it; it can be destroyed only at 0.</summary>
    public int References;
}
