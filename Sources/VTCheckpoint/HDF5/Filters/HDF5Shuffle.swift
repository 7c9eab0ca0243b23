import CKernels

/// Filter 2: the first bytes of all numbers, then the second ones, and so on.
enum HDF5Shuffle {
  /// - Precondition: `out` is as long as `packed`. What is left behind the last whole number was not moved.
  static func undo(_ packed: UnsafeRawBufferPointer, width: Int, into out: UnsafeMutableRawBufferPointer) {
    precondition(width > 0 && packed.count == out.count)
    let count = packed.count / width
    let whole = count * width
    vt_unshuffle(out.baseAddress, packed.baseAddress, count, width)
    guard whole < out.count else { return }
    UnsafeMutableRawBufferPointer(rebasing: out[whole...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: packed[whole...]))
  }
}
