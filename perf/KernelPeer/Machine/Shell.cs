using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace RoceEngine.KernelPeer.Machine;

/// <summary>Commands in the virtual machine, through the shell that it gives to whoever connects.</summary>
internal static class Shell
{
    private const int Port = 2323;
    private const string Mark = "__STATUS=";

    /// <summary>Runs a command to its end. It gets no input, both of its outputs come back.</summary>
    /// <param name="network">Where the machine is.</param>
    /// <param name="command">For the machine's shell.</param>
    /// <param name="patience">After which the machine ends it.</param>
    /// <param name="cancellation">Lets it go.</param>
    public static async Task<ProgramResult> RunAsync(NetworkNamespace network, string command, TimeSpan patience, CancellationToken cancellation)
    {
        using Socket socket = await network.InsideAsync(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        await socket.ConnectAsync(KernelMachine.Address4, Port, cancellation);
        string seconds = Math.Ceiling(patience.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        string quoted = command.Replace("'", "'\\''", StringComparison.Ordinal);
        // By its path: timeout would take busybox's own shell, which would run its own ip and tc.
        _ = await socket.SendAsync(Encoding.UTF8.GetBytes($"timeout -s KILL {seconds} /bin/sh -c '{quoted}' </dev/null 2>&1\necho {Mark}$?\nexit\n"), cancellation);

        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(patience + TimeSpan.FromSeconds(10));
        using StreamReader reader = new(new NetworkStream(socket));
        StringBuilder text = new();
        string? line = null;
        try
        {
            while ((line = await reader.ReadLineAsync(limit.Token)) is not null && !line.Contains(Mark, StringComparison.Ordinal))
                _ = text.Append(line).Append('\n');
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new ProgramResult(command, ProgramResult.TookTooLong, text.ToString());
        }

        if (line is null)
            return new ProgramResult(command, ProgramResult.TookTooLong, text.Append("the machine's shell is gone").ToString());
        // The last line of a command may lack its end.
        int mark = line.IndexOf(Mark, StringComparison.Ordinal);
        _ = text.Append(line[..mark]);
        int status = int.Parse(line[(mark + Mark.Length)..], CultureInfo.InvariantCulture);
        return new ProgramResult(command, status == 128 + 9 ? ProgramResult.TookTooLong : status, text.ToString());
    }
}
