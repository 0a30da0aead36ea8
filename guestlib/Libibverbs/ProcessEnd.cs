using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace RoceEngine.Libibverbs;

/// <summary>
/// What is left to do when a program ends without closing what it opened, which a kernel does for its own devices. Not for a program that a signal ends.
/// </summary>
/// <remarks>
/// A program may call exit(3) from anywhere, a signal handler in the midst of this library included, where no managed code can be entered. So functions of the
/// C library alone are called at its end: one posts the semaphore that a thread here waits for, the next waits for the mutex which that thread holds until all is
/// done. Both lie in a page that a child of a fork gets empty: its own end waits for nobody.
/// </remarks>
internal static unsafe partial class ProcessEnd
{
    private const int WipeOnFork = 18;

    /// <summary>Where the mutex is in the page; the semaphore is at its beginning.</summary>
    private const int MutexOffset = 128;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    /// <summary>Has something done at the end of this process, on a thread of its own. It may take a second; after that the process ends all the same.</summary>
    public static void Add(Action call)
    {
        byte* page = (byte*)SharedMemory.Map(
            null, SharedMemory.PageBytes, SharedMemory.PROT_READ | SharedMemory.PROT_WRITE, SharedMemory.MAP_PRIVATE | SharedMemory.MAP_ANONYMOUS, -1, 0);
        if ((nint)page == -1)
        {
            return;
        }

        byte* semaphore = page;
        byte* mutex = page + MutexOffset;
        if (SharedMemory.Advise(page, SharedMemory.PageBytes, WipeOnFork) != 0 || Initialize(semaphore, 0, 0) != 0)
        {
            _ = SharedMemory.Unmap(page, SharedMemory.PageBytes);
            return;
        }

        using var isReady = new ManualResetEventSlim();
        new Thread(() => Await(semaphore, mutex, isReady, call)) { IsBackground = true, Name = "vrdma-end" }.Start();
        isReady.Wait();

        // The latest is called first.
        nint library = NativeLibrary.Load("libc.so.6");
        _ = AtExit(NativeLibrary.GetExport(library, "pthread_mutex_lock"), mutex, null);
        _ = AtExit(NativeLibrary.GetExport(library, "sem_post"), semaphore, null);
    }

    private static void Await(byte* semaphore, byte* mutex, ManualResetEventSlim isReady, Action call)
    {
        _ = Lock(mutex);
        isReady.Set();
        while (Wait(semaphore) != 0)
        {
            // A signal: it still waits.
        }

        // What it needs may be held by the thread that ended the process.
        var worker = new Thread(() => Run(call)) { IsBackground = true };
        worker.Start();
        _ = worker.Join(s_patience);
        _ = Unlock(mutex);
    }

    private static void Run(Action call)
    {
        try
        {
            call();
        }
        catch (Exception e)
        {
            // The device is gone, or was closed.
            _ = Failure.Of(e);
        }
    }

    // atexit(3) itself is no symbol of the shared library.
    [LibraryImport("libc", EntryPoint = "__cxa_atexit")]
    private static partial int AtExit(nint call, void* argument, void* library);

    [LibraryImport("libc", EntryPoint = "sem_init")]
    private static partial int Initialize(void* semaphore, int isShared, uint value);

    [LibraryImport("libc", EntryPoint = "sem_wait")]
    private static partial int Wait(void* semaphore);

    [LibraryImport("libc", EntryPoint = "pthread_mutex_lock")]
    private static partial int Lock(void* mutex);

    [LibraryImport("libc", EntryPoint = "pthread_mutex_unlock")]
    private static partial int Unlock(void* mutex);
}
