import ArgumentParser
import Foundation
import VTCheckpoint
import VTCore
import VTTensor

/// The command line's root.
struct RootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vtkit",
    abstract: "Converts and fine-tunes pretrained visual transformers.",
    discussion: """
      Example: fine-tune a ViT from a flax checkpoint on images in folders by class, and \
      write it back as an .npz of the same kind:

        vtkit finetune --checkpoint ViT-S_16.npz --data images --output run --export tuned.npz

      Exit codes: 0 done; 1 the answer is no; 2 wrong use; 3 bad input file; 4 out of disk or memory; \
      130 interrupted (a training run is saved first).
      """,
    version: Version.current,
    subcommands: [
      Inspect.self, Convert.self, Compare.self, DataCommand.self, LearningRateCommand.self, Finetune.self,
      SweepCommand.self, CompareRunsCommand.self, Evaluate.self, Predict.self, ModelsCommand.self,
      DialectsCommand.self, Bench.self,
    ])
}

extension ParsableCommand {
  /// The error message for a mistyped command; nil where the command is known or none is given.
  static func mistyped(_ arguments: [String]) -> String? {
    let commands = configuration.subcommands
    guard !commands.isEmpty, let word = arguments.first, !word.hasPrefix("-") else { return nil }
    func name(_ command: any ParsableCommand.Type) -> String {
      command.configuration.commandName ?? command._commandName
    }
    if let command = commands.first(where: { name($0) == word }) {
      return command.mistyped(Array(arguments.dropFirst()))
    }
    let names = commands.map(name)
    guard word != "help" else { return nil }
    let close = word.closest(in: names, limit: 2).map { "'\($0)'" }
    return "Error: there is no command '\(word.printable)'. "
      + (close.isEmpty
        ? "There are \(names.joined(separator: ", "))." : "Did you mean \(close.joined(separator: " or "))?")
  }
}

@main
enum Main {
  static func main() {
    // A closed pipe (`vtkit inspect ... | head`) ends the process quietly, as it does for other tools.
    Interruption.install()
    do {
      var command = try RootCommand.parseAsRoot(arguments)
      MemoryExit.install(command)
      let usesLibrary = (command as? any CheckpointCommand)?.hdf5.hdf5Library ?? false
      // Damaged files that our own reader refuses can crash libhdf5.
      if usesLibrary { HDF5CrashReport.install() }
      let result = Result {
        try CheckpointFile.$readsHDF5ThroughLibrary.withValue(usesLibrary) { try command.run() }
      }
      try Console.checkOutput()
      try result.get()
    } catch let failure as Failure {
      Console.error(failure.description)
      exit(code(failure.kind))
    } catch {
      let exitCode = RootCommand.exitCode(for: error)
      let message = RootCommand.fullMessage(for: error)
      if exitCode.isSuccess {
        if !message.isEmpty { print(message) }
        checkOutput()
        exit(0)
      }
      if exitCode == .validationFailure {
        Console.line(RootCommand.mistyped(arguments) ?? message)
        exit(2)
      }
      // A command that answered no has said why.
      if !message.isEmpty { Console.error(message) }
      exit(exitCode.rawValue == 1 ? 1 : 3)
    }
  }

  private static func checkOutput() {
    do { try Console.checkOutput() } catch {
      Console.error("\(error)")
      exit(4)
    }
  }

  /// The command line's words; a file name need not be UTF-8.
  private static var arguments: [String] {
    (1..<max(1, Int(CommandLine.argc))).compactMap { index in
      CommandLine.unsafeArgv[index].map { word in
        String(fileBytes: Array(UnsafeRawBufferPointer(start: word, count: strlen(word))))
      }
    }
  }

  static func code(_ kind: Failure.Kind) -> Int32 {
    switch kind {
    case .no: 1
    case .usage: 2
    case .badInput: 3
    case .resource: 4
    case .interrupted: 130
    }
  }
}
