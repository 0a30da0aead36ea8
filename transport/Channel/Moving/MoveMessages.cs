using System.Text.Json.Serialization;

namespace RoceEngine.Channel;

/// <summary>
/// What a daemon tells its guest while the guest's device moves, on the connection by which the guest attached; and the guest's answers.
/// Messages are framed as all others; those that must be quick are one byte, see <see cref="MoveSignals"/>.
/// </summary>
/// <remarks>
/// <code>
///   daemon here          guest                     daemon there
///   track ─────────────►                           (when memory is to be copied)
///   ◄────────── tracking                           (with the list of pages written last, for later)
///   prepare ───────────►
///                        claim, memory ──────────►
///                        ◄────────── claimed, new events
///   ◄────────── prepared
///   collect ───────────►                           (as often as wanted, when memory is copied)
///   ◄───── dirty, bitmap
///
///   memory goes along:
///   (state, from daemon to daemon ─────────────────►  the device runs there from here on)
///                        ◄──────────────── arrived
///   ◄────────────── gone
///
///   memory was copied:
///   freeze  ───────────►                           everybody who touches guest memory waits from here on
///                        frozen ─────────────────►
///   ◄───────────────────────────── (frozen, from daemon to daemon; then the rest of memory and state)
///                        ◄──────── arrived, memory  the device runs there from here on
///   ◄────────────── gone
///
///   a snapshot, after track and collect:
///   hold    ───────────►                           everybody who touches guest memory waits from here on
///   ◄────────────── held
///   release ───────────►
/// </code>
/// Where the device is stands in a word that all three share, the <see cref="Abi.MoveDecision"/>: the daemon there takes the device once all of it is
/// there, unless the daemon here, or a guest whose memory was copied, has withdrawn it before. So it never runs at both places, and nobody's message, late
/// or lost, decides anything. A daemon here that dies meanwhile changes nothing: the guest goes on there when everything is there.
/// </remarks>
public static class MoveSignals
{
    /// <summary>Daemon to guest: <see cref="MoveOrder"/> follows.</summary>
    public const byte Prepare = (byte)'P';

    /// <summary>Daemon to guest: take note from now on of what is written.</summary>
    public const byte Track = (byte)'T';

    /// <summary>
    /// Guest to daemon: it does. The address of guest RAM in its process follows (8 bytes); a memfd comes along in which it will leave the pages written
    /// last.
    /// </summary>
    public const byte Tracking = (byte)'t';

    /// <summary>Guest to daemon: it cannot; the reason follows.</summary>
    public const byte CannotTrack = (byte)'n';

    /// <summary>Daemon to guest: tell what was written since the last time.</summary>
    public const byte Collect = (byte)'C';

    /// <summary>Guest to daemon: the bitmap follows, a bit for each page, lowest bit first.</summary>
    public const byte Dirty = (byte)'D';

    /// <summary>Daemon to guest: hold everybody who touches guest memory, and tell the daemon there.</summary>
    public const byte Freeze = (byte)'F';

    /// <summary>Guest to the daemon there: nobody touches guest memory; it waits to be let in.</summary>
    public const byte Frozen = (byte)'Z';

    /// <summary>Daemon to guest: hold everybody who touches guest memory for a moment.</summary>
    public const byte Hold = (byte)'H';

    /// <summary>Guest to daemon: nobody does. A reason follows when that cannot be, and then everybody does.</summary>
    public const byte Held = (byte)'h';

    /// <summary>Daemon to guest: let them.</summary>
    public const byte Release = (byte)'R';

    /// <summary>Daemon to guest: nothing comes of it.</summary>
    public const byte Stay = (byte)'S';

    /// <summary>Guest to daemon: prepared; a reason follows when it is not.</summary>
    public const byte Prepared = (byte)'p';

    /// <summary>Guest to daemon: it has followed its device.</summary>
    public const byte Gone = (byte)'g';

    /// <summary>Guest to daemon: its memory was copied, but it was not let in there; the reason follows.</summary>
    public const byte Stays = (byte)'s';

    /// <summary>The daemon there to the guest: it runs. Guest RAM comes along when it was copied.</summary>
    public const byte Arrived = (byte)'a';

    /// <summary>The daemon there to the guest: it does not and will not.</summary>
    public const byte Refused = (byte)'r';

    /// <summary>Bytes of the longest message: the bitmap of the largest guest memory.</summary>
    public const int MessageBytesMax = 4 << 20;
}

/// <summary>Where the guest's device is to go.</summary>
public sealed record MoveOrder
{
    /// <summary>The Unix socket of the daemon there.</summary>
    public required string SocketPath { get; init; }

    /// <summary>What the daemon there knows the device by.</summary>
    public required string Token { get; init; }

    /// <summary>Number of the attempt, see <see cref="Abi.MoveDecision"/>.</summary>
    public required ulong Attempt { get; init; }

    /// <summary>True when the guest gets a copy of its memory there, false when it takes its memory along.</summary>
    public required bool CopiesMemory { get; init; }
}

/// <summary>What the guest shows at the daemon to which its device comes. Its control region, and guest RAM that it takes along, come as descriptors.</summary>
public sealed record ClaimRequest
{
    public required string Token { get; init; }
}

/// <summary>The daemon's answer; the kick and the three interrupt vectors come as descriptors.</summary>
public sealed record ClaimReply
{
    public required string Name { get; init; }
}
