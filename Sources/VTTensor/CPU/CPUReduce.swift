import CKernels

extension CPUBackend {
  /// Converts sums in double to a gradient; does nothing if none is wanted.
  func reduce(_ sums: [Double], into target: GradientTarget?) {
    guard let target else { return }
    let out = target.storage.floats
    for (index, sum) in sums.enumerated() {
      out[index] = target.accumulate ? out[index] + Float(sum) : Float(sum)
    }
  }

  /// Adds `values` to a target from `offset` on, or overwrites it.
  func reduce(
    _ values: UnsafeMutablePointer<Float>, into target: GradientTarget, at offset: Int = 0, count: Int
  ) {
    let out = target.storage.floats + offset
    if target.accumulate {
      vt_add_scaled(isa, out, out, values, 1, count)
    } else {
      out.update(from: values, count: count)
    }
  }
}
