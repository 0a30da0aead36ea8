using RoceEngine.Vrdma.Demo;

namespace EndToEnd.Tests.Support;

/// <summary>Verified traffic between two guest processes.</summary>
internal static class Traffic
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task ConnectAsync(GuestProcess requester, GuestProcess responder)
    {
        GuestEnd requesterEnd = await requester.OpenAsync(Cancellation);
        GuestEnd responderEnd = await responder.OpenAsync(Cancellation);
        await responder.ConnectAsync(requesterEnd, Cancellation);
        await requester.ConnectAsync(responderEnd, Cancellation);
    }

    /// <summary>Runs a pass; every byte at both ends is compared.</summary>
    public static async Task RunAsync(GuestProcess requester, GuestProcess responder, Pass pass)
    {
        await responder.PrepareAsync(pass, isRequester: false, Cancellation);
        await requester.PrepareAsync(pass, isRequester: true, Cancellation);
        await requester.RunAsync(pass, Cancellation);
        await responder.CheckAsync(pass, isRequester: false, Cancellation);
        await requester.CheckAsync(pass, isRequester: true, Cancellation);
    }

    /// <summary>A few messages of every operation.</summary>
    public static async Task RunEverythingAsync(GuestProcess requester, GuestProcess responder, int bytes = 20_000, int messages = 4)
    {
        foreach (DemoOperation operation in Enum.GetValues<DemoOperation>())
        {
            await RunAsync(requester, responder, new Pass
            {
                Operation = operation,
                Bytes = Operations.IsAtomic(operation) ? 8 : bytes,
                Messages = messages,
                Window = 4,
                Seed = (ulong)operation + 77,
            });
        }
    }
}
