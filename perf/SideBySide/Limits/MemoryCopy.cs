namespace RoceEngine.SideBySide.Limits;

/// <summary>memcpy from one buffer to another, in GB/s.</summary>
internal sealed unsafe class MemoryCopy(int bytes) : IMeasurement
{
    private const int CopiesPerBatch = 16;

    private readonly AlignedMemory _from = new(bytes);
    private readonly AlignedMemory _to = new(bytes);

    public double Measure(double seconds)
    {
        var timer = new BatchTimer(seconds);
        do
        {
            for (int i = 0; i < CopiesPerBatch; i++)
                Buffer.MemoryCopy(_from.Pointer, _to.Pointer, bytes, bytes);
        }
        while (timer.Next());
        return (double)bytes * CopiesPerBatch / timer.MedianSeconds / 1e9;
    }

    public void Dispose()
    {
        _from.Dispose();
        _to.Dispose();
    }
}
