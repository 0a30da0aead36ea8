using System.Net;
using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>Addresses of 127.11.0.0/16 for sockets on port 4791, each handed out once in this process.</summary>
internal static class TestAddresses
{
    private static int s_next = Environment.ProcessId * 61 % 60_000;

    public static Gid Next()
    {
        int number = Interlocked.Increment(ref s_next) % 65_000 + 1;
        return Gid.FromIPv4(0x7F0B_0000u + (uint)number);
    }

    /// <summary>A link on an address of its own. Another run of these tests may hold one: then the next is taken.</summary>
    public static UdpLink OpenLink(UdpLinkOptions? options = null)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return new UdpLink(Next(), options);
            }
            catch (SystemCallException failure) when (failure.Errno == Errno.EADDRINUSE && attempt < 100)
            {
            }
        }
    }

    public static readonly Gid LoopbackV6 = Gid.From(IPAddress.IPv6Loopback);

    /// <summary>Runs of all test projects share ::1; whoever needs it waits a little for the others.</summary>
    public static UdpLink OpenLinkV6(UdpLinkOptions? options = null)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return new UdpLink(LoopbackV6, options);
            }
            catch (SystemCallException failure) when (failure.Errno == Errno.EADDRINUSE && attempt < 300)
            {
                Thread.Sleep(100);
            }
            catch (SystemCallException failure) when (failure.Errno is Errno.EADDRNOTAVAIL or Errno.EAFNOSUPPORT)
            {
                Assert.Skip("this machine has no IPv6 loopback");
            }
        }
    }
}
