using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

[Collection("environment")]
public class DefaultSocketTests
{
    [Fact]
    public void The_environment_names_the_socket_before_anything_else()
    {
        string? before = Environment.GetEnvironmentVariable(ChannelProtocol.SocketVariable);
        try
        {
            Environment.SetEnvironmentVariable(ChannelProtocol.SocketVariable, "/somewhere/else.sock");
            Assert.Equal("/somewhere/else.sock", ChannelProtocol.DefaultSocketPath());
            Environment.SetEnvironmentVariable(ChannelProtocol.SocketVariable, null);
            string expected = Scheduling.GetEffectiveUserId() == 0 ? "/run/vrdma/vrdmad.sock" : "/vrdma";
            Assert.Contains(expected, ChannelProtocol.DefaultSocketPath());
        }
        finally
        {
            Environment.SetEnvironmentVariable(ChannelProtocol.SocketVariable, before);
        }
    }
}
