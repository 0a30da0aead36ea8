namespace RoceEngine.Snapshots.Tests;

/// <summary>Reads whatever it is given in every way that there is, with guard bytes around the room for guest RAM.</summary>
internal static unsafe class Victim
{
    /// <summary>Room for guest RAM.</summary>
    public const int RoomBytes = 64 * Sample.PageBytes;

    private const int GuardBytes = Sample.PageBytes;
    private const byte Guard = 0xC3;

    [ThreadStatic]
    private static byte[]? t_room;

    /// <summary>Tries everything; anything but a refusal passes through. The first refusal, or null when all of it is good.</summary>
    public static string? Try(byte[] file)
    {
        try
        {
            using SnapshotFileReader reader = SnapshotFileReader.Open(new MemoryStream(file, writable: false));
            string? refusal = Refusal(() => reader.Verify());
            refusal ??= Refusal(() => reader.ReadDeviceState());
            Refusal(() => reader.ReadControl());
            Refusal(() => ReadRam(reader));
            Assert.NotEmpty(SnapshotText.Describe(reader.Manifest, reader.FileBytes));
            return refusal;
        }
        catch (SnapshotException e)
        {
            return e.Message;
        }
    }

    /// <summary>Only whether it is accepted by opening and verifying.</summary>
    public static bool IsAccepted(byte[] file) => Refusal(() =>
    {
        using SnapshotFileReader reader = SnapshotFileReader.Open(new MemoryStream(file, writable: false));
        reader.Verify();
    }) is null;

    private static void ReadRam(SnapshotFileReader reader)
    {
        byte[] room = t_room ??= new byte[RoomBytes + 2 * GuardBytes];
        room.AsSpan(0, GuardBytes).Fill(Guard);
        room.AsSpan(GuardBytes + RoomBytes).Fill(Guard);
        try
        {
            fixed (byte* into = room)
                reader.ReadRam(into + GuardBytes, RoomBytes);
        }
        finally
        {
            Assert.False(room.AsSpan(0, GuardBytes).ContainsAnyExcept(Guard));
            Assert.False(room.AsSpan(GuardBytes + RoomBytes).ContainsAnyExcept(Guard));
        }
    }

    private static string? Refusal(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (SnapshotException e)
        {
            return e.Message;
        }
    }
}
