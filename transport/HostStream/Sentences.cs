using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;

namespace RoceEngine.HostStream;

/// <summary>Puts what sockets and TLS throw, and what strangers send, into words for a person.</summary>
internal static class Sentences
{
    private const int ForeignTextCharsMax = 512;

    /// <summary>Whether an exception comes from I/O and not from a fault of this program.</summary>
    public static bool IsInputOutput(Exception e) =>
        e is SocketException or IOException or AuthenticationException or ObjectDisposedException or CryptographicException;

    /// <summary>For a connection that stood and broke.</summary>
    public static HostStreamException Broken(Exception e, string remote) => FindSocketError(e) switch
    {
        SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted or SocketError.OperationAborted
            or SocketError.NotConnected => new(HostStreamFault.Closed, $"the host at {remote} broke the connection", e),
        SocketError.TimedOut or SocketError.HostUnreachable or SocketError.NetworkUnreachable =>
            new(HostStreamFault.Closed, $"the host at {remote} is no longer reached: {Innermost(e)}", e),
        _ => new(HostStreamFault.Closed, $"the connection with {remote} failed: {Innermost(e)}", e),
    };

    /// <summary>For a connection that never came about.</summary>
    public static HostStreamException Unreached(Exception e, string remote) => FindSocketError(e) switch
    {
        SocketError.ConnectionRefused => new(HostStreamFault.Unreachable, $"nobody listens at {remote}", e),
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain =>
            new(HostStreamFault.Unreachable, $"no address is known for the host of {remote}", e),
        _ => new(HostStreamFault.Unreachable, $"cannot connect to {remote}: {Innermost(e)}", e),
    };

    /// <summary>For a handshake that broke: the other side may have had its reasons, which TLS does not always tell.</summary>
    public static HostStreamException HandshakeBroken(Exception e, string remote) => e is AuthenticationException or CryptographicException
        ? new(HostStreamFault.Refused, $"the TLS handshake with {remote} failed: {Innermost(e)}", e)
        : Broken(e, remote);

    /// <summary>Seconds as people write them: <c>0.25 s</c>.</summary>
    public static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture) + " s";

    /// <summary>Address and port; an IPv4 address as such, though it came through an IPv6 socket.</summary>
    public static IPEndPoint Plain(EndPoint? endPoint) => endPoint switch
    {
        IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped => new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port),
        IPEndPoint plain => plain,
        _ => new IPEndPoint(IPAddress.None, 0),
    };

    /// <summary>Text from a stranger: bounded, and without characters that move a terminal's cursor.</summary>
    public static string Foreign(string text)
    {
        var clean = new StringBuilder(Math.Min(text.Length, ForeignTextCharsMax));
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, ForeignTextCharsMax)))
            clean.Append(IsPrintable(c) ? c : '?');
        return clean.ToString();
    }

    private static bool IsPrintable(char c) => CharUnicodeInfo.GetUnicodeCategory(c)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static SocketError FindSocketError(Exception e)
    {
        for (Exception? at = e; at is not null; at = at.InnerException)
        {
            if (at is SocketException socket)
                return socket.SocketErrorCode;
        }
        return SocketError.SocketError;
    }

    private static string Innermost(Exception e)
    {
        while (e.InnerException is not null)
            e = e.InnerException;
        return e.Message.TrimEnd('.');
    }
}
