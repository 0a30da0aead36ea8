using System.Runtime.CompilerServices;

namespace RoceEngine.Interop;

/// <summary>The CMSG_* arithmetic of cmsg(3).</summary>
public static unsafe class ControlMessages
{
    private const int HeaderBytes = 16;

    /// <summary>CMSG_LEN: the value of the length field for <paramref name="dataBytes"/> of data.</summary>
    public static int Length(int dataBytes) => HeaderBytes + dataBytes;

    /// <summary>CMSG_SPACE: what a message with <paramref name="dataBytes"/> of data takes in the control buffer.</summary>
    public static int Space(int dataBytes) => HeaderBytes + ((dataBytes + 7) & ~7);

    /// <summary>CMSG_DATA.</summary>
    public static byte* Data(ControlMessageHeader* message) => (byte*)message + HeaderBytes;

    /// <summary>Bytes of data that a message says it has.</summary>
    public static int DataBytes(ControlMessageHeader* message) => (int)message->Length - HeaderBytes;

    /// <summary>CMSG_FIRSTHDR: null when the control buffer holds none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ControlMessageHeader* First(in MessageHeader header) =>
        header.ControlLength >= HeaderBytes ? (ControlMessageHeader*)header.Control : null;

    /// <summary>CMSG_NXTHDR: null after the last one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ControlMessageHeader* Next(in MessageHeader header, ControlMessageHeader* message)
    {
        if (message->Length < HeaderBytes)
            return null;
        byte* next = (byte*)message + (((nint)message->Length + 7) & ~7);
        return next + HeaderBytes <= header.Control + header.ControlLength ? (ControlMessageHeader*)next : null;
    }

    /// <summary>Writes a message with one 16-bit value and returns the space it takes.</summary>
    public static int WriteUInt16(byte* at, int level, int type, ushort value)
    {
        WriteHeader(at, level, type, sizeof(ushort));
        *(ushort*)(at + HeaderBytes) = value;
        return Space(sizeof(ushort));
    }

    /// <summary>Writes a message with one 32-bit value and returns the space it takes.</summary>
    public static int WriteInt32(byte* at, int level, int type, int value)
    {
        WriteHeader(at, level, type, sizeof(int));
        *(int*)(at + HeaderBytes) = value;
        return Space(sizeof(int));
    }

    /// <summary>Writes the header of a message with <paramref name="dataBytes"/> of data, and zeroes its last eight bytes of padding.</summary>
    public static void WriteHeader(byte* at, int level, int type, int dataBytes)
    {
        *(ulong*)(at + Space(dataBytes) - 8) = 0;
        var header = (ControlMessageHeader*)at;
        header->Length = (nuint)Length(dataBytes);
        header->Level = level;
        header->Type = type;
    }
}
