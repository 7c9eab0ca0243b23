import Foundation

/// What `ReadAhead`'s threads share: tensors are opened in order, chunks made in order, both within budgets, and what
/// the writer waits for is allowed always.
final class ReadAheadQueue: @unchecked Sendable {
  private struct Place: Hashable {
    let tensor: Int
    let start: Int
  }

  /// A tensor of which chunks are left to make.
  private struct Source {
    let tensor: TensorReader
    let chunks: [Range<Int>]
    /// How many are being made or are made.
    var begun = 0
    var finished = 0
  }

  private enum Job {
    case open(Int)
    case make(Int, TensorReader, Range<Int>)
  }

  /// Small tensors must not pile up: every job looks through those that are open.
  private static let mostOpen = 16

  private let tensors: [StoredTensor]
  private let row: @Sendable (StoredTensor) -> Int
  // `condition` guards the rest.
  private let condition = NSCondition()
  /// The first tensor that nobody has begun to open.
  private var next = 0
  private var opening = 0
  private var sources: [Int: Source] = [:]
  private var openBytes = 0
  private var madeBytes = 0
  private var results: [Place: Result<ReadAhead.Chunk, any Error>] = [:]
  private var wanted = Place(tensor: 0, start: 0)
  private var isStopped = false
  private var finishedWorkers = 0

  init(_ tensors: [StoredTensor], row: @escaping @Sendable (StoredTensor) -> Int) {
    self.tensors = tensors
    self.row = row
  }

  // MARK: The threads that read

  func work() {
    while let job = nextJob() { run(job) }
    condition.withLock {
      finishedWorkers += 1
      condition.broadcast()
    }
  }

  /// Waits for something that may be done; nil where nothing is left.
  private func nextJob() -> Job? {
    condition.lock()
    defer { condition.unlock() }
    while !isStopped {
      if let job = takeJob() { return job }
      if next == tensors.count, opening == 0, sources.values.allSatisfy({ $0.begun == $0.chunks.count }) {
        return nil
      }
      condition.wait()
    }
    return nil
  }

  private func takeJob() -> Job? {
    let first = sources.filter { $0.value.begun < $0.value.chunks.count }.keys.min()
    if let index = first, let source = sources[index] {
      let range = source.chunks[source.begun]
      let cost = source.tensor.isComputed ? range.count : 0
      if wanted == Place(tensor: index, start: range.lowerBound) || madeBytes + cost <= ReadAhead.waiting {
        sources[index]?.begun += 1
        madeBytes += cost
        return .make(index, source.tensor, range)
      }
    }
    guard next < tensors.count else { return nil }
    let cost = tensors[next].byteCount
    guard
      wanted.tensor == next
        || (openBytes + cost <= ReadAhead.budget && sources.count + opening < Self.mostOpen)
    else { return nil }
    openBytes += cost
    opening += 1
    next += 1
    return .open(next - 1)
  }

  private func run(_ job: Job) {
    switch job {
    case .open(let index): open(index)
    case .make(let index, let source, let range): make(index, source, range)
    }
  }

  private func open(_ index: Int) {
    let tensor = tensors[index]
    let result = Result { try tensor.open() }
    condition.withLock {
      opening -= 1
      switch result {
      case .success(let opened):
        let size = opened.chunk(of: tensor.byteCount, row: max(1, row(tensor)))
        let starts = Array(stride(from: 0, to: max(1, tensor.byteCount), by: size))
        sources[index] = Source(
          tensor: opened, chunks: starts.map { $0..<min($0 + size, tensor.byteCount) })
      case .failure(let error): results[Place(tensor: index, start: 0)] = .failure(error)
      }
      condition.broadcast()
    }
  }

  private func make(_ index: Int, _ source: TensorReader, _ range: Range<Int>) {
    let tensor = tensors[index]
    let result = Result {
      try tensor.located {
        ReadAhead.Chunk(
          tensor: tensor, range: range, bytes: try source.read(range), isComputed: source.isComputed)
      }
    }
    let done: Source? = condition.withLock {
      results[Place(tensor: index, start: range.lowerBound)] = result
      condition.broadcast()
      sources[index]?.finished += 1
      guard let source = sources[index], source.finished == source.chunks.count else { return nil }
      if source.tensor.isComputed { openBytes -= tensor.byteCount }
      return sources.removeValue(forKey: index)
    }
    // Its memory goes back here, when the lock is free.
    withExtendedLifetime(done) {}
  }

  // MARK: The thread that writes

  /// The chunk that begins at `start`; waits for it.
  /// - Parameter helping: whether the calling thread computes the chunk if no thread of the queue does.
  func take(_ tensor: Int, _ start: Int, helping: Bool) throws -> ReadAhead.Chunk {
    let place = Place(tensor: tensor, start: start)
    condition.lock()
    defer { condition.unlock() }
    wanted = place
    condition.broadcast()
    while true {
      if let result = results.removeValue(forKey: place) { return try result.get() }
      if helping, let job = takeJob() {
        condition.unlock()
        run(job)
        condition.lock()
      } else {
        condition.wait()
      }
    }
  }

  /// What a chunk took is free again.
  func release(_ range: Range<Int>, of tensor: Int, isComputed: Bool) {
    condition.withLock {
      if isComputed {
        madeBytes -= range.count
      } else if range.upperBound == tensors[tensor].byteCount {
        openBytes -= tensors[tensor].byteCount
      }
      condition.broadcast()
    }
  }

  /// Waits until no thread reads any longer.
  func stop(workers: Int) {
    condition.lock()
    isStopped = true
    condition.broadcast()
    while finishedWorkers < workers { condition.wait() }
    condition.unlock()
  }
}
