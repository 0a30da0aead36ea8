namespace RoceEngine.Verbs.Tests;

// Each contract in each mode.

public sealed class OperationTestsLocalThread() : OperationTests(StackMode.LocalThread);

public sealed class OperationTestsLocalInline() : OperationTests(StackMode.LocalInline);

public sealed class OperationTestsUdpThread() : OperationTests(StackMode.UdpThread);

public sealed class OperationTestsUdpInline() : OperationTests(StackMode.UdpInline);

public sealed class PipelineTestsLocalThread() : PipelineTests(StackMode.LocalThread);

public sealed class PipelineTestsLocalInline() : PipelineTests(StackMode.LocalInline);

public sealed class PipelineTestsUdpThread() : PipelineTests(StackMode.UdpThread);

public sealed class PipelineTestsUdpInline() : PipelineTests(StackMode.UdpInline);

public sealed class ErrorTestsLocalThread() : ErrorTests(StackMode.LocalThread);

public sealed class ErrorTestsLocalInline() : ErrorTests(StackMode.LocalInline);

public sealed class ErrorTestsUdpThread() : ErrorTests(StackMode.UdpThread);

public sealed class ErrorTestsUdpInline() : ErrorTests(StackMode.UdpInline);

public sealed class WaitingTestsLocalThread() : WaitingTests(StackMode.LocalThread);

public sealed class WaitingTestsLocalInline() : WaitingTests(StackMode.LocalInline);

public sealed class WaitingTestsUdpThread() : WaitingTests(StackMode.UdpThread);

public sealed class WaitingTestsUdpInline() : WaitingTests(StackMode.UdpInline);

public sealed class StateTestsLocalThread() : StateTests(StackMode.LocalThread);

public sealed class StateTestsLocalInline() : StateTests(StackMode.LocalInline);

public sealed class StateTestsUdpThread() : StateTests(StackMode.UdpThread);

public sealed class StateTestsUdpInline() : StateTests(StackMode.UdpInline);

public sealed class SharingTestsLocalThread() : SharingTests(StackMode.LocalThread);

public sealed class SharingTestsLocalInline() : SharingTests(StackMode.LocalInline);

public sealed class SharingTestsUdpThread() : SharingTests(StackMode.UdpThread);

public sealed class SharingTestsUdpInline() : SharingTests(StackMode.UdpInline);

public sealed class DatagramStackTestsLocalThread() : DatagramStackTests(StackMode.LocalThread);

public sealed class DatagramStackTestsLocalInline() : DatagramStackTests(StackMode.LocalInline);

public sealed class DatagramStackTestsUdpThread() : DatagramStackTests(StackMode.UdpThread);

public sealed class DatagramStackTestsUdpInline() : DatagramStackTests(StackMode.UdpInline);

public sealed class UnreliableTestsLocalThread() : UnreliableTests(StackMode.LocalThread);

public sealed class UnreliableTestsLocalInline() : UnreliableTests(StackMode.LocalInline);

public sealed class UnreliableTestsUdpThread() : UnreliableTests(StackMode.UdpThread);

public sealed class UnreliableTestsUdpInline() : UnreliableTests(StackMode.UdpInline);

public sealed class SharedReceiveTestsLocalThread() : SharedReceiveTests(StackMode.LocalThread);

public sealed class SharedReceiveTestsLocalInline() : SharedReceiveTests(StackMode.LocalInline);

public sealed class SharedReceiveTestsUdpThread() : SharedReceiveTests(StackMode.UdpThread);

public sealed class SharedReceiveTestsUdpInline() : SharedReceiveTests(StackMode.UdpInline);

public sealed class KeyTestsLocalThread() : KeyTests(StackMode.LocalThread);

public sealed class KeyTestsLocalInline() : KeyTests(StackMode.LocalInline);

public sealed class KeyTestsUdpThread() : KeyTests(StackMode.UdpThread);

public sealed class KeyTestsUdpInline() : KeyTests(StackMode.UdpInline);

public sealed class ExtendedOperationTestsLocalThread() : ExtendedOperationTests(StackMode.LocalThread);

public sealed class ExtendedOperationTestsLocalInline() : ExtendedOperationTests(StackMode.LocalInline);

public sealed class ExtendedOperationTestsUdpThread() : ExtendedOperationTests(StackMode.UdpThread);

public sealed class ExtendedOperationTestsUdpInline() : ExtendedOperationTests(StackMode.UdpInline);
