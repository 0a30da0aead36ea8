using System.Runtime.InteropServices;
using RoceEngine.Rsockets;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Rsockets;

/// <content>setsockopt(2) and getsockopt(2), with the options that rsocket(7) names.</content>
internal sealed unsafe partial class StreamSocket
{
    private const int RingBytesMin = 1 << 12;
    private const int RingBytesMax = 1 << 26;
    private const int DepthMin = 16;
    private const int DepthMax = short.MaxValue - 1;
    private const int InlineBytesMax = 1 << 16;
    private const int KeepAliveSecondsMax = 32_767;
    private const int StreamType = 1;
    private const int TcpProtocol = 6;

    /// <summary>setsockopt(2).</summary>
    /// <exception cref="VerbsException">EINVAL: a wrong length or value, or too late. ENOPROTOOPT: an unknown option. EFAULT.</exception>
    public int SetOption(int level, int name, void* value, uint bytes)
    {
        if (value == null)
        {
            throw new VerbsException(Errno.EFAULT, "rsetsockopt: no value");
        }

        SocketOption option = OptionOf(level, name);
        if (bytes < (option == SocketOption.Linger ? 2 * sizeof(int) : sizeof(int)))
        {
            throw new VerbsException(Errno.EINVAL, $"rsetsockopt: {bytes} bytes for option {level}.{name}");
        }

        lock (_lock)
        {
            ThrowIfClosed();
            if ((option & SocketOption.OfRdma) != 0 && State is not (SocketState.Open or SocketState.Listening))
            {
                throw new VerbsException(Errno.EINVAL, $"rsetsockopt: option {level}.{name} is too late");
            }

            _options = With(option, *(int*)value, (int*)value);
            return 0;
        }
    }

    /// <summary>getsockopt(2).</summary>
    /// <exception cref="VerbsException">ENOPROTOOPT: an unknown option. EFAULT, EINVAL.</exception>
    public int GetOption(int level, int name, void* value, uint* bytes)
    {
        if (value == null || bytes == null)
        {
            throw new VerbsException(Errno.EFAULT, "rgetsockopt: no room");
        }

        if (*bytes > int.MaxValue)
        {
            throw new VerbsException(Errno.EINVAL, "rgetsockopt: a negative length");
        }

        SocketOption option = OptionOf(level, name);
        int* all = stackalloc int[2];
        int count = option == SocketOption.Linger ? 2 : 1;
        lock (_lock)
        {
            ThrowIfClosed();
            _ = Advance();
            all[0] = ValueOf(option);
            all[1] = _options.LingerSeconds ?? 0;
        }

        uint length = Math.Min(*bytes, (uint)count * sizeof(int));
        NativeMemory.Copy(all, value, length);
        *bytes = length;
        return 0;
    }

    private static SocketOption OptionOf(int level, int name) =>
        level is >= 0 and <= (int)SocketOption.OfRdma >> 8 && name is >= 0 and <= byte.MaxValue ? (SocketOption)((level << 8) | name) : SocketOption.Unknown;

    private SocketOptions With(SocketOption option, int number, int* both)
    {
        bool isOn = number != 0;
        SocketOptions now = _options;
        switch (option)
        {
            case SocketOption.ReuseAddress:
                _id.SetOption(0, 1, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in number)));
                return now with { ReuseAddress = isOn };
            case SocketOption.SendBuffer:
                return now with { Stream = now.Stream with { SendBytes = RingBytes(number) } };
            case SocketOption.ReceiveBuffer:
                return now with { Stream = now.Stream with { ReceiveBytes = RingBytes(number) } };
            case SocketOption.KeepAlive:
                return now with { KeepAlive = isOn };
            case SocketOption.OutOfBandInline:
                return now with { OutOfBandInline = isOn };
            case SocketOption.Linger:
                return now with { LingerSeconds = isOn ? Math.Max(both[1], 0) : null };
            case SocketOption.TypeOfService:
                _id.SetOption(0, 0, [(byte)number]);
                return now with { TypeOfService = (byte)number };
            case SocketOption.NoDelay:
                return now with { NoDelay = isOn };
            case SocketOption.KeepAliveIdle:
                return number is > 0 and <= KeepAliveSecondsMax
                    ? now with { KeepAliveSeconds = number }
                    : throw new VerbsException(Errno.EINVAL, $"rsetsockopt: TCP_KEEPIDLE of {number} s");
            case SocketOption.SegmentBytes or SocketOption.KeepAliveInterval or SocketOption.KeepAliveCount or SocketOption.Route:
                // The device's own affair; a path follows from the addresses.
                return now;
            case SocketOption.OnlyIPv6:
                return now with { OnlyIPv6 = isOn };
            case SocketOption.SendDepth:
                return now with { Stream = now.Stream with { SendDepth = Math.Clamp(number, DepthMin, DepthMax) } };
            case SocketOption.ReceiveDepth:
                return now with { Stream = now.Stream with { ReceiveDepth = Math.Clamp(number, DepthMin, DepthMax) } };
            case SocketOption.InlineBytes:
                return now with { InlineBytes = Math.Clamp(number, 0, InlineBytesMax) };
            case SocketOption.MappingCount:
                return now with { Stream = now.Stream with { MappingCount = ScaledNumber.Read(ScaledNumber.Write(number)) } };
            default:
                throw new VerbsException(Errno.ENOPROTOOPT, $"rsetsockopt: option 0x{(int)option:x}");
        }
    }

    private int ValueOf(SocketOption option) => option switch
    {
        SocketOption.ReuseAddress => OneIf(_options.ReuseAddress),
        SocketOption.Type => StreamType,
        SocketOption.Error => TakeError(),
        SocketOption.SendBuffer => _options.Stream.SendBytes,
        SocketOption.ReceiveBuffer => _options.Stream.ReceiveBytes,
        SocketOption.KeepAlive => OneIf(_options.KeepAlive),
        SocketOption.OutOfBandInline => OneIf(_options.OutOfBandInline),
        SocketOption.Linger => OneIf(_options.LingerSeconds is not null),
        SocketOption.IsListening => OneIf(State == SocketState.Listening),
        SocketOption.Protocol => TcpProtocol,
        SocketOption.Domain => Family,
        SocketOption.TypeOfService => _options.TypeOfService,
        SocketOption.NoDelay => OneIf(_options.NoDelay),
        SocketOption.SegmentBytes => _id.PathMtuBytes,
        SocketOption.KeepAliveIdle => _options.KeepAliveSeconds,
        SocketOption.KeepAliveInterval or SocketOption.KeepAliveCount => 1,
        SocketOption.OnlyIPv6 => OneIf(_options.OnlyIPv6),
        SocketOption.SendDepth => _options.Stream.SendDepth,
        SocketOption.ReceiveDepth => _options.Stream.ReceiveDepth,
        SocketOption.InlineBytes => _options.InlineBytes,
        SocketOption.MappingCount => _options.Stream.MappingCount,
        _ => throw new VerbsException(Errno.ENOPROTOOPT, $"rgetsockopt: option 0x{(int)option:x}"),
    };

    private static int OneIf(bool isOn) => isOn ? 1 : 0;

    // Twice what was asked for, as socket(7) says, and even: the ring has two halves.
    private static int RingBytes(int wanted) => Math.Clamp(wanted, RingBytesMin / 2, RingBytesMax / 2) * 2;
}
