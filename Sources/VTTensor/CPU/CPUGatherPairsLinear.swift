import CKernels

/// The tokens on one side of the pairs. Since `W concat(u, v) = W₁ u + W₂ v`, each distinct token is
/// multiplied once with its half of the weight, however many pairs it is in.
private struct PairSide {
  /// Each distinct token once, as a row of `[batch * tokens]`: images in order, tokens by first occurrence.
  let rows: [Int32]
  /// For each pair the index into `rows`.
  let places: [Int32]

  init(_ indices: Storage, _ shape: PairShape) {
    var (rows, places): ([Int32], [Int32]) = ([], [])
    places.reserveCapacity(shape.count)
    for image in 0..<shape.batch {
      var seen = [Int32](repeating: -1, count: shape.tokens)
      for pair in image * shape.pairs..<(image + 1) * shape.pairs {
        let index = indices.integers[pair]
        precondition(index >= 0 && index < shape.tokens, "token \(index) of \(shape.tokens)")
        if seen[Int(index)] < 0 {
          seen[Int(index)] = Int32(rows.count)
          rows.append(Int32(image * shape.tokens) + index)
        }
        places.append(seen[Int(index)])
      }
    }
    self.rows = rows
    self.places = places
  }
}

extension CPUBackend {
  /// The distinct rows of one side, gathered: `[rows, channels]`.
  private func gathered(_ side: PairSide, _ x: Storage, _ channels: Int) -> Storage {
    let result = scratch(side.rows.count * channels)
    forRanges(side.rows.count, size: 64) { r in
      for row in r {
        (result.floats + row * channels).update(
          from: x.floats + Int(side.rows[row]) * channels, count: channels)
      }
    }
    return result
  }

  func gatherPairsLinearForward(
    _ shape: PairShape, y: Storage, x: Storage, linear: LinearValues, first: Storage, second: Storage
  ) {
    let sides = [PairSide(first, shape), PairSide(second, shape)]
    let (d, o) = (shape.channels, shape.outputs)
    let products = sides.enumerated().map { index, side in
      let inputs = gathered(side, x, d)
      let result = scratch(side.rows.count * o)
      let factor = pack(
        linear.weight.floats + index * d, stride: 2 * d, transposed: true, depth: d, columns: o,
        rows: side.rows.count)
      run([product(result.floats, inputs.floats, factor, rows: side.rows.count)])
      return result
    }
    forRanges(shape.count, size: 64) { r in
      for pair in r {
        let out = y.floats + pair * o
        vt_add_scaled(
          isa, out, products[0].floats + Int(sides[0].places[pair]) * o,
          products[1].floats + Int(sides[1].places[pair]) * o, 1, o)
        vt_bias_activation(isa, VT_ACTIVATION_RELU, out, out, linear.bias?.floats, 1, o, o)
      }
    }
  }

  func gatherPairsLinearBackward(
    _ shape: PairShape, dy: Storage, y: Storage, x: Storage, weight: Storage, first: Storage, second: Storage,
    dx: Storage?, dlinear: LinearTarget
  ) {
    let sides = [PairSide(first, shape), PairSide(second, shape)]
    let (d, o) = (shape.channels, shape.outputs)
    let du = scratch(shape.count * o)
    forRanges(shape.count, size: 64) { r in
      let at = r.lowerBound * o
      vt_activation_backward(
        isa, VT_ACTIVATION_RELU, du.floats + at, nil, dy.floats + at, y.floats + at, r.count, o, o)
    }
    if let dbias = dlinear.bias { run([columnSums(of: du, rows: shape.count, columns: o, to: dbias)]) }
    for (index, side) in sides.enumerated() {
      let rows = side.rows.count
      let sums = scratch(rows * o)
      // Columns are split, so that each row sums its pairs in their order.
      forRanges(o, size: 128) { c in
        for row in 0..<rows {
          (sums.floats + row * o + c.lowerBound).update(repeating: 0, count: c.count)
        }
        for (pair, place) in side.places.enumerated() {
          let out = sums.floats + Int(place) * o + c.lowerBound
          vt_add_scaled(isa, out, out, du.floats + pair * o + c.lowerBound, 1, c.count)
        }
      }
      if let dweight = dlinear.weight {
        let inputs = gathered(side, x, d)
        let gradient = WeightGradient(
          self, rows: rows, outputs: o, inputs: d, target: dweight, targetOffset: index * d,
          targetStride: 2 * d, dy: sums.floats, dyStride: o,
          input: GradientInput(values: inputs.floats, stride: d))
        run([gradient])
      }
      if let dx {
        let back = scratch(rows * d)
        let factor = pack(
          weight.floats + index * d, stride: 2 * d, transposed: false, depth: o, columns: d, rows: rows)
        run([product(back.floats, sums.floats, factor, rows: rows)])
        // Every row occurs once per side, so rows may be added in any order.
        forRanges(rows, size: 64) { r in
          for row in r {
            let out = dx.floats + Int(side.rows[row]) * d
            vt_add_scaled(isa, out, out, back.floats + row * d, 1, d)
          }
        }
      }
    }
  }
}
