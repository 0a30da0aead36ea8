namespace RoceEngine.Host.Tests;

public class WindowPolicyTests
{
    [Theory]
    [InlineData(425_984, 106_496)]
    [InlineData(33_554_432, 1 << 20)]
    [InlineData(1, 2 * 4400)]
    public void The_window_fits_into_the_receivers_buffer(int bufferBytes, long windowBytes) =>
        Assert.Equal(windowBytes, WindowPolicy.LimitBytes(bufferBytes));
}
