/// Pieces of work that may run beside those of other tasks.
struct ParallelTask {
  let pieces: Int
  let body: (_ piece: Int, _ worker: Int) -> Void
}

extension CPUBackend {
  /// Runs all pieces of all tasks, the first task's first: put the largest pieces first.
  func run(_ tasks: [ParallelTask]) {
    threads.run(pieces: tasks.reduce(0) { $0 + $1.pieces }) { piece, worker in
      var piece = piece
      for task in tasks {
        if piece < task.pieces { return task.body(piece, worker) }
        piece -= task.pieces
      }
    }
  }

  /// Computes weights' gradients beside other work.
  func run(_ gradients: [WeightGradient], beside others: [ParallelTask] = []) {
    run(gradients.map { ParallelTask(pieces: $0.pieces, body: $0.run) } + others)
    for gradient in gradients { gradient.finish() }
  }
}
