using RoceEngine.Interop;

namespace Transport.Tests;

/// <summary>Sizes, offsets and request numbers of linux/userfaultfd.h and linux/fs.h.</summary>
public unsafe class UserFaultLayoutTests
{
    private static int Offset(void* start, void* field) => (int)((byte*)field - (byte*)start);

    // _IOC of asm-generic/ioctl.h: direction, size, type, number.
    private static uint Request(uint direction, int bytes, char type, uint number) =>
        direction << 30 | (uint)bytes << 16 | (uint)type << 8 | number;

    [Fact]
    public void User_fault_structs_have_the_kernels_layout()
    {
        UserFaultApi api = default;
        Assert.Equal(24, sizeof(UserFaultApi));
        Assert.Equal([0, 8, 16], [Offset(&api, &api.Api), Offset(&api, &api.Features), Offset(&api, &api.Controls)]);

        UserFaultRange range = default;
        Assert.Equal(16, sizeof(UserFaultRange));
        Assert.Equal([0, 8], [Offset(&range, &range.Start), Offset(&range, &range.Bytes)]);

        UserFaultRegister register = default;
        Assert.Equal(32, sizeof(UserFaultRegister));
        Assert.Equal(
            [0, 16, 24], [Offset(&register, &register.Range), Offset(&register, &register.Mode), Offset(&register, &register.Controls)]);

        UserFaultWriteProtect protect = default;
        Assert.Equal(24, sizeof(UserFaultWriteProtect));
        Assert.Equal([0, 16], [Offset(&protect, &protect.Range), Offset(&protect, &protect.Mode)]);
    }

    [Fact]
    public void Page_scan_structs_have_the_kernels_layout()
    {
        PageRegion region = default;
        Assert.Equal(24, sizeof(PageRegion));
        Assert.Equal([0, 8, 16], [Offset(&region, &region.Start), Offset(&region, &region.End), Offset(&region, &region.Categories)]);

        PageScan scan = default;
        Assert.Equal(96, sizeof(PageScan));
        Assert.Equal(
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88],
            [
                Offset(&scan, &scan.StructBytes), Offset(&scan, &scan.Flags), Offset(&scan, &scan.Start), Offset(&scan, &scan.End),
                Offset(&scan, &scan.WalkEnd), Offset(&scan, &scan.Regions), Offset(&scan, &scan.RegionsMax), Offset(&scan, &scan.PagesMax),
                Offset(&scan, &scan.CategoriesInverted), Offset(&scan, &scan.CategoriesAll), Offset(&scan, &scan.CategoriesAny),
                Offset(&scan, &scan.CategoriesReturned),
            ]);
    }

    [Fact]
    public void Requests_say_what_they_carry()
    {
        const uint read = 2;
        const uint readWrite = 3;
        Assert.Equal(UserFaults.UFFDIO_API, Request(readWrite, sizeof(UserFaultApi), (char)0xAA, 0x3F));
        Assert.Equal(UserFaults.UFFDIO_REGISTER, Request(readWrite, sizeof(UserFaultRegister), (char)0xAA, 0));
        Assert.Equal(UserFaults.UFFDIO_UNREGISTER, Request(read, sizeof(UserFaultRange), (char)0xAA, 1));
        Assert.Equal(UserFaults.UFFDIO_WAKE, Request(read, sizeof(UserFaultRange), (char)0xAA, 2));
        Assert.Equal(UserFaults.UFFDIO_WRITEPROTECT, Request(readWrite, sizeof(UserFaultWriteProtect), (char)0xAA, 6));
        Assert.Equal(UserFaults.PAGEMAP_SCAN, Request(readWrite, sizeof(PageScan), 'f', 16));
    }

    [Fact]
    public void A_step_has_the_layout_that_the_machine_code_knows()
    {
        SystemCallStep step = default;
        Assert.Equal(104, sizeof(SystemCallStep));
        Assert.Equal(
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96],
            [
                Offset(&step, &step.Number), Offset(&step, &step.Argument0), Offset(&step, &step.Argument1), Offset(&step, &step.Argument2),
                Offset(&step, &step.Argument3), Offset(&step, &step.Argument4), Offset(&step, &step.Argument5),
                Offset(&step, &step.Argument0From), Offset(&step, &step.Mask), Offset(&step, &step.Minimum), Offset(&step, &step.Result),
                Offset(&step, &step.OnSuccess), Offset(&step, &step.OnFailure),
            ]);
    }
}
