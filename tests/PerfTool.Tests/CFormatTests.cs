using RoceEngine.PerfTool.Report;

namespace RoceEngine.PerfTool.Tests;

public sealed class CFormatTests
{
    [Theory]
    [InlineData(0, 2, "0.00")]
    [InlineData(0.125, 2, "0.12")]
    [InlineData(0.375, 2, "0.38")]
    [InlineData(2.5, 0, "2")]
    [InlineData(3.5, 0, "4")]
    [InlineData(2.675, 2, "2.67")]
    [InlineData(1.005, 2, "1.00")]
    [InlineData(999.995, 2, "1000.00")]
    [InlineData(-1.5, 1, "-1.5")]
    [InlineData(0.0000005, 6, "0.000000")]
    [InlineData(0.00000051, 6, "0.000001")]
    [InlineData(1e20, 2, "100000000000000000000.00")]
    [InlineData(5e-324, 3, "0.000")]
    [InlineData(double.PositiveInfinity, 2, "inf")]
    [InlineData(double.NaN, 2, "nan")]
    public void Fixed_is_percent_f(double value, int decimals, string expected) =>
        Assert.Equal(expected, CFormat.Fixed(value, decimals));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(1, "1")]
    [InlineData(1.25, "1.25")]
    [InlineData(123456, "123456")]
    [InlineData(1234567, "1.23457e+06")]
    [InlineData(0.0001, "0.0001")]
    [InlineData(0.00001, "1e-05")]
    [InlineData(12.3456789, "12.3457")]
    public void General_is_percent_g(double value, string expected) =>
        Assert.Equal(expected, CFormat.General(value));

    [Theory]
    [InlineData(0, 4, "0000")]
    [InlineData(17, 6, "0x0011")]
    [InlineData(0xABCDEF, 6, "0xabcdef")]
    [InlineData(0x1234, 16, "0x00000000001234")]
    public void Hexadecimal_is_percent_hash_0_x(ulong value, int width, string expected) =>
        Assert.Equal(expected, CFormat.Hexadecimal(value, width));
}
