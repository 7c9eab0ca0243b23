import CKernels

extension CPUBackend {
  /// The rows that occur on one side, side by side: `[rows, channels]`.
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

  func pairLinearForward(
    _ shape: PairShape, _ sides: [PairSide], y: Storage, x: Storage, weight: Storage, bias: Storage
  ) {
    let (d, o) = (shape.channels, shape.outputs)
    let products = sides.enumerated().map { index, side in
      let inputs = gathered(side, x, d)
      let result = scratch(side.rows.count * o)
      let factor = pack(
        weight.floats + index * d, stride: 2 * d, transposed: true, depth: d, columns: o,
        rows: side.rows.count)
      run([product(result.floats, inputs.floats, factor, rows: side.rows.count)])
      return result
    }
    forRanges(shape.pairs, size: 64) { r in
      for pair in r {
        let out = y.floats + pair * o
        vt_add_scaled(
          isa, out, products[0].floats + Int(sides[0].places[pair]) * o,
          products[1].floats + Int(sides[1].places[pair]) * o, 1, o)
        vt_bias_activation(isa, VT_ACTIVATION_RELU, out, out, bias.floats, 1, o, o)
      }
    }
  }

  func pairLinearBackward(
    _ shape: PairShape, _ sides: [PairSide], dy: Storage, y: Storage, x: Storage, weight: Storage,
    dx: Storage?, dweight: GradientTarget?, dbias: GradientTarget?
  ) {
    let (d, o) = (shape.channels, shape.outputs)
    let du = scratch(shape.pairs * o)
    forRanges(shape.pairs, size: 64) { r in
      let at = r.lowerBound * o
      vt_activation_backward(
        isa, VT_ACTIVATION_RELU, du.floats + at, nil, dy.floats + at, y.floats + at, r.count, o, o)
    }
    if let dbias { run([columnSums(of: du, rows: shape.pairs, columns: o, to: dbias)]) }
    for (index, side) in sides.enumerated() {
      let rows = side.rows.count
      let sums = scratch(rows * o)
      // Columns are split, so that each row adds up its pairs in their order.
      forRanges(o, size: 128) { c in
        for row in 0..<rows {
          (sums.floats + row * o + c.lowerBound).update(repeating: 0, count: c.count)
        }
        for (pair, place) in side.places.enumerated() {
          let out = sums.floats + Int(place) * o + c.lowerBound
          vt_add_scaled(isa, out, out, du.floats + pair * o + c.lowerBound, 1, c.count)
        }
      }
      if let dweight {
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
        // Every row occurs once on a side, so rows may be added in any order.
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
