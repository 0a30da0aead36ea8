using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>
/// One system call of a <see cref="SystemCallProgram"/>, and where to go from it. The machine code below knows these offsets.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 104)]
public unsafe struct SystemCallStep
{
    [FieldOffset(0)] public nint Number;
    [FieldOffset(8)] public nint Argument0;
    [FieldOffset(16)] public nint Argument1;
    [FieldOffset(24)] public nint Argument2;
    [FieldOffset(32)] public nint Argument3;
    [FieldOffset(40)] public nint Argument4;
    [FieldOffset(48)] public nint Argument5;

    /// <summary>
    /// When not null, argument 0 is the int that is found here when the step begins: a descriptor that an earlier step received.
    /// </summary>
    [FieldOffset(56)] public int* Argument0From;

    /// <summary>
    /// The step succeeds when its result is no error, and (result &amp; mask) at least <see cref="Minimum"/>. Both 0: any but an error.
    /// </summary>
    [FieldOffset(64)] public nint Mask;
    [FieldOffset(72)] public nint Minimum;

    /// <summary>What the kernel returned; minus the error number on failure. Left alone when the step was not reached.</summary>
    [FieldOffset(80)] public nint Result;

    /// <summary>The step after a success, or null to end.</summary>
    [FieldOffset(88)] public SystemCallStep* OnSuccess;

    /// <summary>The step after a failure, or null to end.</summary>
    [FieldOffset(96)] public SystemCallStep* OnFailure;
}

/// <summary>
/// Runs system calls one after the other without returning to managed code between them.
/// <para>
/// Managed code may be stopped by the garbage collector between any two instructions, and the collector waits for each thread that is
/// in managed code. A thread that hits a page fault there which only we can resolve cannot be waited for by anybody that we wait for. So
/// what must happen between stopping such threads and letting them go on happens in 81 bytes of machine code, which the collector
/// takes for any native function: it never stops it and does not wait for it. Calls marked SuppressGCTransition are no way out: the
/// compiler puts a poll for the collector behind them.
/// </para>
/// </summary>
public static unsafe class SystemCallProgram
{
    private const int PROT_EXEC = 4;

    // push rbx                     keep the caller's
    // mov rbx, rdi                 rbx: the step
    // next:
    // mov rdi, [rbx+8]             argument 0,
    // mov rdx, [rbx+56]
    // test rdx, rdx
    // jz plain
    // movsxd rdi, dword [rdx]      or the descriptor received before
    // plain:
    // mov rax, [rbx]               number
    // mov rsi, [rbx+16]            arguments 1 to 5
    // mov rdx, [rbx+24]
    // mov r10, [rbx+32]
    // mov r8, [rbx+40]
    // mov r9, [rbx+48]
    // syscall
    // mov [rbx+80], rax            result
    // test rax, rax
    // js failed
    // and rax, [rbx+64]
    // cmp rax, [rbx+72]
    // jl failed
    // mov rbx, [rbx+88]            on success
    // jmp check
    // failed:
    // mov rbx, [rbx+96]            on failure
    // check:
    // test rbx, rbx
    // jnz next
    // pop rbx
    // ret
    private static ReadOnlySpan<byte> Code =>
    [
        0x53, 0x48, 0x89, 0xFB,
        0x48, 0x8B, 0x7B, 0x08, 0x48, 0x8B, 0x53, 0x38, 0x48, 0x85, 0xD2, 0x74, 0x03, 0x48, 0x63, 0x3A,
        0x48, 0x8B, 0x03, 0x48, 0x8B, 0x73, 0x10, 0x48, 0x8B, 0x53, 0x18, 0x4C, 0x8B, 0x53, 0x20,
        0x4C, 0x8B, 0x43, 0x28, 0x4C, 0x8B, 0x4B, 0x30, 0x0F, 0x05, 0x48, 0x89, 0x43, 0x50,
        0x48, 0x85, 0xC0, 0x78, 0x10, 0x48, 0x23, 0x43, 0x40, 0x48, 0x3B, 0x43, 0x48, 0x7C, 0x06,
        0x48, 0x8B, 0x5B, 0x58, 0xEB, 0x04, 0x48, 0x8B, 0x5B, 0x60, 0x48, 0x85, 0xDB, 0x75, 0xB5, 0x5B, 0xC3,
    ];

    private static readonly Lazy<nint> s_routine = new(MapRoutine);

    /// <summary>False where there is no such routine: processors other than x86-64, or executable memory is refused.</summary>
    public static bool IsSupported => s_routine.Value != 0;

    /// <summary>
    /// Runs from <paramref name="first"/> until a step ends the program. Steps and all that they point to must be memory outside the
    /// collector's, and their links must end; both are the caller's to see to. Returns once the collector lets the thread go on.
    /// </summary>
    /// <exception cref="PlatformNotSupportedException">Not <see cref="IsSupported"/>.</exception>
    public static void Run(SystemCallStep* first)
    {
        nint routine = s_routine.Value;
        if (routine == 0)
            throw new PlatformNotSupportedException("system call programs need x86-64 and executable memory");
        ((delegate* unmanaged[Cdecl]<SystemCallStep*, void>)routine)(first);
    }

    // Never both writable and executable, and never unmapped.
    private static nint MapRoutine()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return 0;
        const int flags = SharedMemory.MAP_PRIVATE | SharedMemory.MAP_ANONYMOUS;
        nint page = SharedMemory.Map(null, SharedMemory.PageBytes, SharedMemory.PROT_READ | SharedMemory.PROT_WRITE, flags, -1, 0);
        if (page < 0)
            return 0;
        Code.CopyTo(new Span<byte>((void*)page, SharedMemory.PageBytes));
        if (SharedMemory.Protect((void*)page, SharedMemory.PageBytes, SharedMemory.PROT_READ | PROT_EXEC) == 0)
            return page;
        _ = SharedMemory.Unmap((void*)page, SharedMemory.PageBytes);
        return 0;
    }
}
