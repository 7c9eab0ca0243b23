import Synchronization

/// Which stretches of a file belong to what: two things never share bytes.
///
/// Claims are sorted in lots, so that many are cheap; what overlaps is found when a lot is settled.
final class HDF5Extents: Sendable {
  private struct Extent {
    let start: Int
    let end: Int
    let what: String
  }

  private struct State {
    var settled: [Extent] = []
    var pending: [Extent] = []
  }

  private let state = Mutex(State())

  /// Notes that `count` bytes from `start` on are those of `what`.
  /// - Throws: `Failure` where others have been claimed for something else, at the latest in `settle`.
  func claim(_ start: Int, _ count: Int, _ what: String) throws {
    guard count > 0 else { return }
    try state.withLock { state in
      state.pending.append(Extent(start: start, end: start + count, what: what))
      if state.pending.count > max(4096, state.settled.count) { try Self.settle(&state) }
    }
  }

  /// Compares all claims so far.
  /// - Throws: `Failure` where two overlap.
  func settle() throws { try state.withLock { try Self.settle(&$0) } }

  /// What is at `place`, as far as it has been settled.
  func name(of place: Int) -> String? {
    state.withLock { $0.settled.first { $0.start <= place && place < $0.end }?.what }
  }

  private static func settle(_ state: inout State) throws {
    let pending = state.pending.sorted { $0.start < $1.start }
    state.pending = []
    guard !pending.isEmpty else { return }
    var all: [Extent] = []
    all.reserveCapacity(state.settled.count + pending.count)
    var (i, k) = (0, 0)
    while i < state.settled.count || k < pending.count {
      let takesOld =
        k == pending.count || (i < state.settled.count && state.settled[i].start <= pending[k].start)
      let next = takesOld ? state.settled[i] : pending[k]
      if takesOld { i += 1 } else { k += 1 }
      if let last = all.last, next.start < last.end {
        throw HDF5Source.damaged("\(last.what) and \(next.what) lie over each other", next.start)
      }
      all.append(next)
    }
    state.settled = all
  }
}
