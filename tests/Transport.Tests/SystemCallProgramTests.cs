using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace Transport.Tests;

public unsafe class SystemCallProgramTests
{
    private const nint Seek = 8;
    private const nint Map = 9;
    private const nint GetProcessId = 39;

    private static SystemCallStep* NewSteps(int count)
    {
        Assert.SkipUnless(SystemCallProgram.IsSupported, "system call programs need x86-64 and executable memory");
        var steps = (SystemCallStep*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(SystemCallStep));
        for (int i = 0; i < count; i++)
            steps[i] = new SystemCallStep { Number = GetProcessId, Result = -9999 };
        return steps;
    }

    [Fact]
    public void Steps_run_in_the_order_of_their_links()
    {
        SystemCallStep* steps = NewSteps(3);
        steps[0].OnSuccess = &steps[2];
        SystemCallProgram.Run(steps);
        int self = Environment.ProcessId;
        Assert.Equal([self, -9999, self], [(int)steps[0].Result, (int)steps[1].Result, (int)steps[2].Result]);
        NativeMemory.Free(steps);
    }

    [Fact]
    public void An_error_takes_the_link_of_failure_whatever_the_mask()
    {
        SystemCallStep* steps = NewSteps(3);
        steps[0].Number = Seek;
        steps[0].Argument0 = -1;
        steps[0].Mask = 2; // set in minus EBADF too
        steps[0].Minimum = 2;
        steps[0].OnSuccess = &steps[1];
        steps[0].OnFailure = &steps[2];
        SystemCallProgram.Run(steps);
        Assert.Equal(-Errno.EBADF, steps[0].Result);
        Assert.Equal([-9999, Environment.ProcessId], [(int)steps[1].Result, (int)steps[2].Result]);
        NativeMemory.Free(steps);
    }

    [Theory]
    [InlineData(-1, 0, true)]
    [InlineData(-1, 1, false)]
    [InlineData(0, 0, true)]
    [InlineData(0, 1, false)]
    public void A_result_below_the_minimum_is_a_failure(int mask, int addToResult, bool succeeds)
    {
        SystemCallStep* steps = NewSteps(3);
        steps[0].Mask = mask;
        steps[0].Minimum = mask == 0 ? addToResult : Environment.ProcessId + addToResult;
        steps[0].OnSuccess = &steps[1];
        steps[0].OnFailure = &steps[2];
        SystemCallProgram.Run(steps);
        Assert.Equal(succeeds, steps[1].Result != -9999);
        Assert.Equal(!succeeds, steps[2].Result != -9999);
        NativeMemory.Free(steps);
    }

    [Fact]
    public void All_six_arguments_arrive_and_the_first_may_come_from_memory()
    {
        SystemCallStep* steps = NewSteps(2);
        int memfd = SharedMemory.CreateMemfd("program\0"u8, 3 * SharedMemory.PageBytes);
        int* found = (int*)NativeMemory.Alloc(sizeof(int));
        *found = memfd;
        steps[0].Number = Seek;
        steps[0].Argument0 = -1;
        steps[0].Argument0From = found;
        steps[0].Argument2 = 2; // SEEK_END
        steps[0].OnSuccess = &steps[1];
        steps[1].Number = Map;
        steps[1].Argument1 = SharedMemory.PageBytes;
        steps[1].Argument2 = SharedMemory.PROT_READ | SharedMemory.PROT_WRITE;
        steps[1].Argument3 = SharedMemory.MAP_SHARED;
        steps[1].Argument4 = memfd;
        steps[1].Argument5 = 2 * SharedMemory.PageBytes;
        SystemCallProgram.Run(steps);
        Assert.Equal(3 * SharedMemory.PageBytes, steps[0].Result);
        byte* third = (byte*)steps[1].Result;
        third[5] = 6;
        byte* all = SharedMemory.MapShared(memfd, 3 * SharedMemory.PageBytes);
        Assert.Equal(6, all[2 * SharedMemory.PageBytes + 5]);
        Assert.Equal(0, SharedMemory.Unmap(all, 3 * SharedMemory.PageBytes));
        Assert.Equal(0, SharedMemory.Unmap(third, SharedMemory.PageBytes));
        Events.Close(memfd);
        NativeMemory.Free(found);
        NativeMemory.Free(steps);
    }
}
