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
