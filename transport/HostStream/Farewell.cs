using System.Net.Sockets;

namespace RoceEngine.HostStream;

/// <summary>
/// Closes a connection so that the last words arrive. A socket that is closed with bytes unread resets the connection, and the
/// reset overtakes what was sent before: a refusal's reason would be lost.
/// </summary>
internal static class Farewell
{
    private const int IgnoredBytesMax = 256 << 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Ends the sending side, ignores what still comes until the other side ends too, for a while, and closes.</summary>
    public static async Task CloseAsync(Socket socket)
    {
        using (socket)
        using (var limit = new CancellationTokenSource(Patience))
        {
            byte[] ignored = new byte[4096];
            try
            {
                socket.Shutdown(SocketShutdown.Send);
                int total = 0;
                int received = 1;
                while (received > 0 && total < IgnoredBytesMax)
                {
                    received = await socket.ReceiveAsync(ignored, limit.Token).ConfigureAwait(false);
                    total += received;
                }
            }
            catch (Exception e) when (Sentences.IsInputOutput(e) || e is OperationCanceledException)
            {
                // Gone, or of more patience than this side.
            }
        }
    }
}
