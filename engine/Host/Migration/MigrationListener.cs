using System.Net;
using RoceEngine.HostStream;

namespace RoceEngine.Host.Migration;

/// <summary>Where other daemons bring devices: accepts them, each to a migration of its own.</summary>
internal sealed class MigrationListener : IDisposable
{
    private const int IncomingMax = 16;

    private readonly HostListener _listener;
    private readonly MigrationHost _host;
    private readonly SemaphoreSlim _room = new(IncomingMax);

    private MigrationListener(MigrationHost host, HostListener listener)
    {
        _host = host;
        _listener = listener;
    }

    public IPEndPoint EndPoint => _listener.EndPoint;

    /// <exception cref="HostStreamException">One sentence: the address or port cannot be used.</exception>
    public static MigrationListener Open(MigrationHost host, IPEndPoint endPoint)
    {
        bool isInsecure = host.Options.MigrationSecurity is null;
        var listener = new MigrationListener(host, HostListener.Open(endPoint, host.StreamOptions(isInsecure), refusal => host.Reporter.Report(ReportLevel.Warning, refusal.Message)));
        _ = Task.Run(listener.AcceptAllAsync);
        return listener;
    }

    private async Task AcceptAllAsync()
    {
        while (!_host.Stopping.IsCancellationRequested)
        {
            HostConnection connection;
            try
            {
                connection = await _listener.AcceptAsync(_host.Stopping).ConfigureAwait(false);
                await _room.WaitAsync(_host.Stopping).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException || _host.Stopping.IsCancellationRequested)
            {
                return;
            }
            catch (HostStreamException e)
            {
                _host.Reporter.Report(ReportLevel.Warning, $"migrations are not accepted any more: {e.Message}");
                return;
            }
            _host.Run(() => ServeAsync(connection));
        }
    }

    private async Task ServeAsync(HostConnection connection)
    {
        try
        {
            await using (connection.ConfigureAwait(false))
                await new IncomingMigration(_host, connection).RunAsync().ConfigureAwait(false);
        }
        finally
        {
            _room.Release();
        }
    }

    public void Dispose() => _listener.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
