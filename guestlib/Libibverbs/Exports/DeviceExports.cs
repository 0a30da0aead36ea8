using System.Runtime.InteropServices;
using System.Text;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs.Exports;

/// <summary>Finding and opening devices.</summary>
internal static unsafe class DeviceExports
{
    /// <summary><c>ibv_get_device_list(3)</c>: a list ended by null; freed by <see cref="FreeDeviceList"/>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_get_device_list")]
    public static IbvDevice** GetDeviceList(int* count)
    {
        try
        {
            VerbsDevice[] devices = DeviceCatalog.List();
            var list = (IbvDevice**)NativeMemory.AllocZeroed((nuint)(devices.Length + 1), (nuint)sizeof(nint));
            for (int i = 0; i < devices.Length; i++)
            {
                list[i] = devices[i].Pointer;
            }

            if (count != null)
            {
                *count = devices.Length;
            }

            return list;
        }
        catch (Exception e)
        {
            Failure.Tell(e.Message);
            if (count != null)
            {
                *count = 0;
            }

            return (IbvDevice**)Failure.Null(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "ibv_free_device_list")]
    public static void FreeDeviceList(IbvDevice** list) => NativeMemory.Free(list);

    [UnmanagedCallersOnly(EntryPoint = "ibv_get_device_name")]
    public static byte* GetDeviceName(IbvDevice* device) => (byte*)&device->Name;

    /// <summary><c>ibv_get_device_guid(3)</c>, in network byte order.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_get_device_guid")]
    public static ulong GetDeviceGuid(IbvDevice* device) => VerbsDevice.Of(device).NodeGuid;

    /// <summary><c>ibv_get_device_index(3)</c>: -1, since no kernel gave the device an index.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_get_device_index")]
    public static int GetDeviceIndex(IbvDevice* device) => -1;

    /// <summary><c>ibv_open_device(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_open_device")]
    public static IbvContext* OpenDevice(IbvDevice* device)
    {
        try
        {
            return VerbsDevice.Of(device).Open().Pointer;
        }
        catch (Exception e)
        {
            Failure.Tell(e.Message);
            return (IbvContext*)Failure.Null(e);
        }
    }

    /// <summary><c>ibv_close_device(3)</c>: 0, or -1 with errno.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_close_device")]
    public static int CloseDevice(IbvContext* context) => Edge.MinusOne(() =>
    {
        OpenContext open = OpenContext.Of(context);
        open.Device.Close(open);
    });

    /// <summary><c>ibv_import_device(3)</c>: no other process can hand a context over.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_import_device")]
    public static IbvContext* ImportDevice(int commandDescriptor) => (IbvContext*)Failure.Null(Errno.NotSupported);

    /// <summary>Where the kernel's descriptions are mounted.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_get_sysfs_path")]
    public static byte* GetSysfsPath() => NativeText.Of("/sys\0"u8);

    /// <summary>
    /// Reads a file of one line below a directory: its length, or -1. The kernel describes none of the devices here, so what programs ask of those is
    /// answered in its place.
    /// </summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_read_sysfs_file")]
    public static int ReadSysfsFile(byte* directory, byte* file, byte* into, nuint bytes) =>
        Edge.MinusOne(() => Read(NativeText.Read(directory), NativeText.Read(file), into, bytes));

    /// <summary>As <see cref="ReadSysfsFile"/>, below the directory of a device; the name is made from a format without arguments.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_read_ibdev_sysfs_file")]
    public static int ReadDeviceSysfsFile(byte* into, nuint bytes, void* sysfsDevice, byte* format) => Failure.MinusOne(Errno.NotSupported);

    private static int Read(string directory, string file, byte* into, nuint bytes)
    {
        VerbsDevice? device = Array.Find(DeviceCatalog.List(), candidate => candidate.SysfsPath == directory);
        string text = device is null
            ? File.ReadAllText(Path.Join(directory, file)).TrimEnd('\n')
            : file switch
            {
                "board_id" => "vRDMA",
                "hca_type" => "vRDMA",
                "node_type" => "1: CA",
                _ => throw new VerbsException(Interop.Errno.ENOENT, $"the device has no description {file}"),
            };
        int length = Encoding.UTF8.GetByteCount(text);
        if ((nuint)length >= bytes)
        {
            return Failure.MinusOne(Errno.Invalid);
        }

        _ = Encoding.UTF8.GetBytes(text, new Span<byte>(into, length));
        into[length] = 0;
        return length;
    }
}
