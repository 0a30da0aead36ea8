using RoceEngine.Channel;
using RoceEngine.Host.Migration;

namespace RoceEngine.Host.Snapshots;

/// <summary>
/// A device that was saved and is to stop: it stands still until the client has what was saved in safety, and then ends; when the client leaves without that
/// word, it goes on in a new life, which makes what was saved older than the device. Changed on the conductor's thread only.
/// </summary>
internal sealed class StandingDevice(ControlClient client)
{
    private readonly TaskCompletionSource<bool> _decision = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>True when the client has it, and the device ends.</summary>
    public Task<bool> Decision => _decision.Task;

    /// <summary>The client has it, or this host stops.</summary>
    public void End()
    {
        if (_decision.TrySetResult(true))
            client.IsBusy = true;
    }

    /// <summary>The client is gone.</summary>
    public void GoOn() => _decision.TrySetResult(false);
}
