using System.Runtime.CompilerServices;

// Segment buffers on the stack are written before they are read: clearing two kibibytes per packet would cost more than the packet.
[module: SkipLocalsInit]
