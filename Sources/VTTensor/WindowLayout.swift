import CKernels

/// Which cells of a grid share a window after the grid has been rolled (Liu et al., "Swin Transformer", ICCV
/// 2021, section 3.2). Cells beyond the grid's edge are padding: tokens of zeros before the query-key-value
/// layer.
package struct WindowLayout: Hashable, Sendable {
  /// The order of padding and rolling if the grid's side is not a multiple of the window's; libraries differ.
  package enum Padding: String, Sendable, CaseIterable {
    /// Hugging Face: pads, then rolls.
    case padThenRoll = "pad_then_roll"
    /// timm: rolls, then pads.
    case rollThenPad = "roll_then_pad"
  }

  package let height: Int
  package let width: Int
  /// Side of a window.
  package let window: Int
  package let windows: Int
  /// For each slot of each window, row by row: its cell of the grid, or -1.
  let cells: [Int32]
  /// Added to the scores of windows whose slots were not neighbours before the roll, `[slots, score stride]`
  /// each: -100, as in the reference code. Few windows differ.
  let masks: [[Float]]
  /// For each window the index into `masks`, or nil.
  let maskOfWindow: [Int?]

  var slots: Int { window * window }
  var hasPadding: Bool { height % window != 0 || width % window != 0 }

  /// - Parameters:
  ///   - shift: cells by which the grid is rolled up and left; 0 for none.
  package init(height: Int, width: Int, window: Int, shift: Int, padding: Padding) {
    precondition(height > 0 && width > 0 && window > 0 && shift >= 0 && shift < window)
    self.height = height
    self.width = width
    self.window = window
    let (across, down) = ((width + window - 1) / window, (height + window - 1) / window)
    windows = across * down
    let (paddedWidth, paddedHeight) = (across * window, down * window)
    /// Where slot `at` of one axis was before the roll; nil for padding.
    func origin(_ at: Int, _ length: Int, _ padded: Int) -> Int? {
      let place: Int
      switch padding {
      case .padThenRoll: place = (at + shift) % padded
      case .rollThenPad: place = at < length ? (at + shift) % length : length
      }
      return place < length ? place : nil
    }
    /// The three intervals that the reference numbers: all but the last window, it without the shift, the
    /// shift.
    func region(_ at: Int, _ padded: Int) -> Int {
      at < padded - window ? 0 : at < padded - shift ? 1 : 2
    }
    var cells: [Int32] = []
    var regions: [Int32] = []
    for wy in 0..<down {
      for wx in 0..<across {
        for y in wy * window..<(wy + 1) * window {
          for x in wx * window..<(wx + 1) * window {
            if let oy = origin(y, height, paddedHeight), let ox = origin(x, width, paddedWidth) {
              cells.append(Int32(oy * width + ox))
            } else {
              cells.append(-1)
            }
            regions.append(Int32(3 * region(y, paddedHeight) + region(x, paddedWidth)))
          }
        }
      }
    }
    self.cells = cells
    (masks, maskOfWindow) = Self.masks(
      regions: shift > 0 ? regions : [], windows: windows, slots: window * window)
  }

  /// - Parameter regions: a number for each slot of each window; slots with different numbers do not attend
  ///   to each other.
  private static func masks(regions: [Int32], windows: Int, slots: Int) -> ([[Float]], [Int?]) {
    var (masks, known): ([[Float]], [[Int32]: Int]) = ([], [:])
    var ofWindow = [Int?](repeating: nil, count: windows)
    guard !regions.isEmpty else { return (masks, ofWindow) }
    for window in 0..<windows {
      let own = Array(regions[window * slots..<(window + 1) * slots])
      if own.allSatisfy({ $0 == own[0] }) { continue }
      if known[own] == nil {
        known[own] = masks.count
        let fill = [Float](repeating: 0, count: vt_score_stride(slots) - slots)
        masks.append(own.flatMap { i in own.map { $0 == i ? 0 : -100 } + fill })
      }
      ofWindow[window] = known[own]
    }
    return (masks, ofWindow)
  }

  /// Row of the relative position table for slots `i` and `j`: `(Δrow + w - 1)(2w - 1) + Δcolumn + w - 1`.
  func tableRow(_ i: Int, _ j: Int) -> Int {
    let (yi, xi) = i.quotientAndRemainder(dividingBy: window)
    let (yj, xj) = j.quotientAndRemainder(dividingBy: window)
    return (yi - yj + window - 1) * (2 * window - 1) + xi - xj + window - 1
  }
}
