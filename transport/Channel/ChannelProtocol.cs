using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// The agreement between a daemon and those who connect to its Unix stream socket: every message is a four-byte little-endian
/// length and that many bytes of UTF-8 JSON, a request from the client, a reply from the daemon. Descriptors travel by SCM_RIGHTS
/// with the reply to an attach.
/// </summary>
public static class ChannelProtocol
{
    /// <summary>Version of the messages. A daemon refuses any other.</summary>
    public const int Version = 1;

    /// <summary>Version of the memory shared with a guest. A daemon refuses any other.</summary>
    public const int AbiVersion = (int)Abi.AbiVersion.Current;

    /// <summary>Bytes of the length that precedes every message.</summary>
    public const int LengthBytes = 4;

    /// <summary>Bytes of a request at most; a daemon drops a client that announces more.</summary>
    public const int RequestBytesMax = 16 * 1024;

    /// <summary>Bytes of a reply or of a piece of a capture at most.</summary>
    public const int ReplyBytesMax = 16 * 1024 * 1024;

    /// <summary>Descriptors with the reply to an attach: guest RAM, control region, kick, and the three interrupt vectors.</summary>
    public const int AttachDescriptorCount = 6;

    /// <summary>Of these, the events: kick and interrupt vectors.</summary>
    public const int EventDescriptorCount = 4;

    /// <summary>Smallest guest RAM, in bytes.</summary>
    public const long GuestRamBytesMin = 1L << 20;

    /// <summary>Guest RAM when nobody says how much, in bytes.</summary>
    public const long GuestRamBytesDefault = 64L << 20;

    /// <summary>TCP port at which daemons take devices from each other when none is named.</summary>
    public const int MigrationPort = 4793;

    /// <summary>Environment variable that names the daemon's socket.</summary>
    public const string SocketVariable = "VRDMA_SOCKET";

    /// <summary>Name of a request to become a guest.</summary>
    public const string AttachType = "attach";

    /// <summary>Name of a request to become the guest of a device that was restored: by its name, with the version in <see cref="DaemonRequest.Attach"/>.</summary>
    public const string AttachRestoredType = "attachRestored";

    /// <summary>Name of the word that a restored device can be this client's. It is not answered: from there on the connection is a guest's.</summary>
    public const string ConfirmRestoredType = "confirmRestored";

    /// <summary>Name of a request for the daemon's version and addresses.</summary>
    public const string InfoType = "info";

    /// <summary>Name of a request for the devices.</summary>
    public const string DevicesType = "devices";

    /// <summary>Name of a request for counters and resources.</summary>
    public const string StatisticsType = "statistics";

    /// <summary>Name of a request for a capture.</summary>
    public const string CaptureType = "capture";

    /// <summary>Name of a guest's request for the device of its own that comes here.</summary>
    public const string ClaimType = "claim";

    /// <summary>Name of a request to move a device to another daemon.</summary>
    public const string MigrateType = "migrate";

    /// <summary>Name of a request to save a device.</summary>
    public const string SnapshotType = "snapshot";

    /// <summary>Name of a client's word, after a device was saved that was to stop, that all of it is kept: now the device ends.</summary>
    public const string KeptType = "kept";

    /// <summary>Name of a request to bring a saved device back.</summary>
    public const string RestoreType = "restore";

    /// <summary>Name of a request to let a restored device go that no guest holds.</summary>
    public const string ReleaseType = "release";

    /// <summary>
    /// The socket to use when none is named: <c>$VRDMA_SOCKET</c>, else <c>/run/vrdma/vrdmad.sock</c> for root and
    /// <c>$XDG_RUNTIME_DIR/vrdma/vrdmad.sock</c> for others (below /tmp where that variable is not set).
    /// </summary>
    public static string DefaultSocketPath()
    {
        string? named = Environment.GetEnvironmentVariable(SocketVariable);
        if (!string.IsNullOrEmpty(named))
            return named;
        uint userId = Scheduling.GetEffectiveUserId();
        if (userId == 0)
            return "/run/vrdma/vrdmad.sock";
        string? runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        return string.IsNullOrEmpty(runtime) ? $"/tmp/vrdma-{userId}/vrdmad.sock" : $"{runtime}/vrdma/vrdmad.sock";
    }
}
