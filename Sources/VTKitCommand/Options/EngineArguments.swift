import ArgumentParser
import VTTensor

/// Options of everything that computes.
struct EngineArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Number of threads; results do not depend on it. By default all processors.",
      valueName: "n"))
  var threads: Int?

  @Option(
    name: .customLong("simd"),
    help: ArgumentHelp(
      "The kernels to use; by default the fastest that this processor supports. Results differ between them in the last bits; a resumed run keeps those that it began with.",
      valueName: "name"))
  var simd: InstructionSet?

  /// The option's name until 0.1.
  @Option(name: .customLong("instructions"), help: .hidden)
  var formerSIMD: InstructionSet?

  private var instructions: InstructionSet? { simd ?? formerSIMD }

  func validate() throws {
    if let simd, let formerSIMD, simd != formerSIMD {
      throw ValidationError("--simd \(simd) and --instructions \(formerSIMD) contradict each other.")
    }
    if let instructions, !instructions.isSupported {
      let has = Engine.supportedInstructions.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--simd \(instructions): this processor has \(has).")
    }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is a number from 1 to 1024.")
    }
  }

  /// - Parameter preferred: the kernels where the user names none and this processor has these.
  func engine(preferring preferred: InstructionSet? = nil) -> Engine {
    if let problem = Engine.matrixLibraryProblem {
      Console.warning(
        "OpenBLAS cannot be used (\(problem)): some products take plain loops, which are slow. Debian has it as libopenblas0."
      )
    }
    return Engine(threads: threads ?? Engine.processorCount, instructions: instructions ?? preferred)
  }
}

extension InstructionSet: ExpressibleByArgument {}
