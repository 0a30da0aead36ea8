using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>Bytes with file descriptors over a Unix socket (SCM_RIGHTS, unix(7)).</summary>
public static unsafe class DescriptorPassing
{
    /// <summary>Most descriptors in one message.</summary>
    public const int DescriptorsMax = 16;

    /// <summary>
    /// Sends bytes and descriptors in one message; the receiver gets duplicates, the caller keeps its own. Never raises SIGPIPE.
    /// </summary>
    /// <returns>Bytes sent (a stream socket may take fewer than given, with all descriptors), or minus the error number.</returns>
    /// <exception cref="ArgumentException">No bytes (descriptors need at least one), or too many descriptors.</exception>
    public static int Send(int socket, ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors)
    {
        if (bytes.IsEmpty || descriptors.Length > DescriptorsMax)
            throw new ArgumentException($"need at least one byte and at most {DescriptorsMax} descriptors");
        int space = ControlMessages.Space(descriptors.Length * sizeof(int));
        byte* control = stackalloc byte[space];
        fixed (byte* data = bytes)
        {
            var vector = new IoVector { Base = data, Length = (nuint)bytes.Length };
            var message = new MessageHeader { Vectors = &vector, VectorCount = 1 };
            if (!descriptors.IsEmpty)
            {
                ControlMessages.WriteHeader(control, SocketConstants.SOL_SOCKET, SocketConstants.SCM_RIGHTS, descriptors.Length * sizeof(int));
                descriptors.CopyTo(new Span<int>(ControlMessages.Data((ControlMessageHeader*)control), descriptors.Length));
                message.Control = control;
                message.ControlLength = (nuint)space;
            }
            nint sent;
            do
            {
                sent = Sockets.SendMessage(socket, &message, SocketConstants.MSG_NOSIGNAL);
            }
            while (sent < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
            return sent < 0 ? -Marshal.GetLastPInvokeError() : (int)sent;
        }
    }

    /// <summary>
    /// Receives bytes and the descriptors that came with them (close-on-exec). The caller owns the descriptors. Descriptors beyond
    /// what <paramref name="descriptors"/> holds are closed at once.
    /// </summary>
    /// <returns>Bytes received, 0 at the end of the stream, or minus the error number.</returns>
    public static int Receive(int socket, Span<byte> bytes, Span<int> descriptors, out int descriptorCount)
    {
        int space = ControlMessages.Space(DescriptorsMax * sizeof(int));
        byte* control = stackalloc byte[space];
        fixed (byte* data = bytes)
        {
            var vector = new IoVector { Base = data, Length = (nuint)bytes.Length };
            var message = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = (nuint)space };
            nint received;
            do
            {
                received = Sockets.ReceiveMessage(socket, &message, SocketConstants.MSG_CMSG_CLOEXEC);
            }
            while (received < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
            descriptorCount = 0;
            if (received < 0)
                return -Marshal.GetLastPInvokeError();
            descriptorCount = TakeDescriptors(in message, descriptors);
            return (int)received;
        }
    }

    /// <summary>
    /// The descriptors of a received message, up to what <paramref name="descriptors"/> holds; the rest is closed at once. For callers that
    /// receive by themselves.
    /// </summary>
    /// <returns>How many were stored.</returns>
    public static int TakeDescriptors(in MessageHeader message, Span<int> descriptors)
    {
        int count = 0;
        for (ControlMessageHeader* control = ControlMessages.First(in message); control != null; control = ControlMessages.Next(in message, control))
        {
            if (control->Level != SocketConstants.SOL_SOCKET || control->Type != SocketConstants.SCM_RIGHTS)
                continue;
            var received = new ReadOnlySpan<int>(ControlMessages.Data(control), ControlMessages.DataBytes(control) / sizeof(int));
            foreach (int descriptor in received)
            {
                if (count < descriptors.Length)
                    descriptors[count++] = descriptor;
                else
                    Events.Close(descriptor);
            }
        }
        return count;
    }
}
