using System.Runtime.InteropServices;
using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

public unsafe class ChannelMemoryTests
{
    private const int AllSeals = SharedMemory.F_SEAL_SHRINK | SharedMemory.F_SEAL_GROW | SharedMemory.F_SEAL_SEAL;

    [Fact]
    public void Both_memfds_are_sealed_and_cannot_be_truncated()
    {
        ChannelMemory memory = ChannelMemory.Create(1 << 20, ControlRegion.Bytes);
        try
        {
            foreach (int descriptor in new[] { memory.GuestRamDescriptor, memory.ControlDescriptor })
            {
                Assert.Equal(AllSeals, SharedMemory.GetSeals(descriptor));
                Assert.Equal(-1, SharedMemory.Truncate(descriptor, 0));
                Assert.Equal(Errno.EPERM, Marshal.GetLastPInvokeError());
            }
        }
        finally
        {
            memory.Release();
        }
    }

    [Fact]
    public void Memory_is_zeroed_and_rounded_up_to_pages()
    {
        ChannelMemory memory = ChannelMemory.Create((1 << 20) + 1, 100);
        try
        {
            Assert.Equal((1 << 20) + 4096, memory.GuestRamBytes);
            Assert.Equal(4096, memory.ControlBytes);
            Assert.True(new ReadOnlySpan<byte>(memory.GuestRam, (int)memory.GuestRamBytes).IndexOfAnyExcept((byte)0) < 0);
            memory.GuestRam[memory.GuestRamBytes - 1] = 7;
        }
        finally
        {
            memory.Release();
        }
    }

    [Fact]
    public void The_last_holder_closes_everything()
    {
        ChannelMemory memory = ChannelMemory.Create(1 << 20, ControlRegion.Bytes);
        int[] descriptors = memory.Descriptors.ToArray();
        memory.AddReference();
        memory.Release();
        Assert.Equal(AllSeals, SharedMemory.GetSeals(memory.GuestRamDescriptor));
        memory.Release();
        Assert.Equal(-1, memory.GuestRamDescriptor);
        Assert.True(memory.GuestRam == null);
        Assert.Equal(6, descriptors.Distinct().Count());
    }
}
