using System.Runtime.CompilerServices;

// Every signature here is blittable; the runtime must not marshal anything behind our back.
[assembly: DisableRuntimeMarshalling]
