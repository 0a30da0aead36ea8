using System.Text.Json;
using System.Text.Json.Serialization;

namespace RoceEngine.Channel;

/// <summary>The messages' JSON, by generated code.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DaemonRequest))]
[JsonSerializable(typeof(DaemonReply))]
[JsonSerializable(typeof(MoveOrder))]
public sealed partial class ChannelJson : JsonSerializerContext
{
    /// <summary>A request as bytes, without its length.</summary>
    public static byte[] Write(DaemonRequest request) => JsonSerializer.SerializeToUtf8Bytes(request, Default.DaemonRequest);

    /// <summary>A reply as bytes, without its length.</summary>
    public static byte[] Write(DaemonReply reply) => JsonSerializer.SerializeToUtf8Bytes(reply, Default.DaemonReply);

    /// <summary>Reads a request.</summary>
    /// <exception cref="JsonException">It is not the JSON of a request.</exception>
    public static DaemonRequest ReadRequest(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, Default.DaemonRequest) ?? throw new JsonException("null is not a request");

    /// <summary>Reads a reply.</summary>
    /// <exception cref="JsonException">It is not the JSON of a reply.</exception>
    public static DaemonReply ReadReply(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, Default.DaemonReply) ?? throw new JsonException("null is not a reply");
}
