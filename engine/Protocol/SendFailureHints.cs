namespace RoceEngine.Protocol;

/// <summary>Why a send request failed before it left, in a sentence for a person.</summary>
internal static class SendFailureHints
{
    public static string For(CompletionStatus failure, TransportService service) => failure switch
    {
        CompletionStatus.LocalProtectionError => "a scatter/gather entry is not within a memory region of its lkey",
        CompletionStatus.LocalLengthError when service == TransportService.UnreliableDatagram =>
            "a datagram is longer than the path MTU of the port",
        CompletionStatus.LocalLengthError => "the message is longer than 2^31 bytes, or an atomic's buffer is not of 8 bytes",
        CompletionStatus.MemoryWindowBindError => "the bind asks for more than its memory region gives",
        _ => "the work request is not one that this queue pair can carry out",
    };
}
