using System.Buffers.Binary;

namespace RoceEngine.Rsockets;

/// <summary>
/// What both ends tell each other in the private data of REQ and REP, big endian. <c>struct rs_conn_data</c>:
/// <code>
///  0 version 1 | flags | credits (2)
///  4 reserved (3) | 7 entries of the table of mapped buffers (a scaled number)
///  8 the list of targets (16; its length in entries)
/// 24 the first target (16)
/// </code>
/// The table of mapped buffers lies behind the list of targets, under the same key.
/// </summary>
public sealed record ConnectionData
{
    /// <summary>Bytes of the structure.</summary>
    public const int Bytes = 40;

    /// <summary>The only version.</summary>
    public const byte CurrentVersion = 1;

    private const byte IsBigEndianFlag = 1;
    private const byte HasMappingsFlag = 2;

    /// <summary>The sender reads its lists big endian.</summary>
    public bool IsBigEndian { get; init; }

    /// <summary>Data messages that the sender of this takes before it must say more.</summary>
    public required ushort Credits { get; init; }

    /// <summary>Entries of the sender's table of mapped buffers: what <see cref="ScaledNumber"/> can express.</summary>
    public int MappingCount { get; init; }

    /// <summary>Where the peer announces its receive buffers.</summary>
    public required RemoteBuffer Targets { get; init; }

    /// <summary>The first receive buffer.</summary>
    public required RemoteBuffer FirstTarget { get; init; }

    /// <summary>Reads it; null when it is too short, of another version, or has no list of at least two targets.</summary>
    public static ConnectionData? Read(ReadOnlySpan<byte> from)
    {
        if (from.Length < Bytes || from[0] != CurrentVersion)
        {
            return null;
        }

        var targets = RemoteBuffer.Read(from[8..], isBigEndian: true);
        return targets.Length < StreamCore.TargetCount ? null : new ConnectionData
        {
            IsBigEndian = (from[1] & IsBigEndianFlag) != 0,
            Credits = BinaryPrimitives.ReadUInt16BigEndian(from[2..]),
            MappingCount = (from[1] & HasMappingsFlag) != 0 ? ScaledNumber.Read(from[7]) : 0,
            Targets = targets,
            FirstTarget = RemoteBuffer.Read(from[24..], isBigEndian: true),
        };
    }

    /// <summary>The bytes.</summary>
    public byte[] Write()
    {
        byte[] all = new byte[Bytes];
        all[0] = CurrentVersion;
        all[1] = (byte)(HasMappingsFlag | (IsBigEndian ? IsBigEndianFlag : 0));
        BinaryPrimitives.WriteUInt16BigEndian(all.AsSpan(2), Credits);
        all[7] = ScaledNumber.Write(MappingCount);
        Targets.Write(all.AsSpan(8), isBigEndian: true);
        FirstTarget.Write(all.AsSpan(24), isBigEndian: true);
        return all;
    }
}

/// <summary>A number up to 32,512 in eight bits: up to 128 as it is, beyond that in steps of 256 behind the highest bit.</summary>
public static class ScaledNumber
{
    private const int ExactMax = 128;
    private const int Shift = 8;

    /// <summary>The largest number.</summary>
    public const int Max = (ExactMax - 1) << Shift;

    /// <summary>The bits of a number, rounded down to what they can express.</summary>
    public static byte Write(int value) => (byte)(value <= ExactMax ? Math.Max(value, 0) : ExactMax | (Math.Min(value, Max) >> Shift));

    /// <summary>The number of the bits.</summary>
    public static int Read(byte bits) => bits <= ExactMax ? bits : (bits & ~ExactMax) << Shift;
}
