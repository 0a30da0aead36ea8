using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RoceEngine.Libibverbs.Objects;

/// <summary>
/// Structures that programs hold pointers to, each followed by a handle of the object behind it: a program's pointer leads to the object without a
/// search or a lock.
/// </summary>
internal static unsafe class Backed
{
    /// <summary>A zeroed structure with its object. <see cref="Free"/> ends it.</summary>
    public static T* Allocate<T, TObject>(TObject owner)
        where T : unmanaged
        where TObject : class
    {
        byte* memory = (byte*)NativeMemory.AllocZeroed((nuint)(sizeof(T) + sizeof(nint)));
        *(nint*)(memory + sizeof(T)) = GCHandle<TObject>.ToIntPtr(new GCHandle<TObject>(owner));
        return (T*)memory;
    }

    /// <summary>The object behind a structure that came from <see cref="Allocate"/> with the same types.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TObject Object<T, TObject>(T* structure)
        where T : unmanaged
        where TObject : class => GCHandle<TObject>.FromIntPtr(*(nint*)((byte*)structure + sizeof(T))).Target;

    /// <summary>Frees the structure and lets the object go.</summary>
    public static void Free<T, TObject>(T* structure)
        where T : unmanaged
        where TObject : class
    {
        nint* handle = (nint*)((byte*)structure + sizeof(T));
        GCHandle<TObject>.FromIntPtr(*handle).Dispose();
        *handle = 0;
        NativeMemory.Free(structure);
    }
}
