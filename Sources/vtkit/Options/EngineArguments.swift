import ArgumentParser
import Tensor

/// Options of everything that computes.
struct EngineArguments: ParsableArguments {
  @Option(help: "Threads to compute with; the results do not depend on it. All processors where left out.")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is a number from 1 to 1024.")
    }
  }

  func engine() -> Engine { Engine(threads: threads ?? Engine.processorCount) }
}
