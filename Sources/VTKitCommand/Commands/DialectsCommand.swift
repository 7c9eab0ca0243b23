import ArgumentParser
import VTCheckpoint
import VTConversion
import VTCore

struct DialectsCommand: CheckpointCommand {
  static let configuration = CommandConfiguration(
    commandName: "dialects",
    abstract: "Lists the naming schemes that can be read and written.",
    discussion: """
      With --check, a rule file of your own is validated, and tried on a checkpoint if one is given \
      (docs/guide/adding-a-dialect.md).

      Example: vtkit dialects --architecture vit
      """)

  @Argument(
    help: "With --check: a checkpoint to try the rules on, forwards and back.", completion: .file())
  var checkpoint: String?

  @OptionGroup(title: "List") var list: DialectListArguments
  @OptionGroup(title: "Rule file") var rules: RuleCheckArguments
  @OptionGroup(title: "Rule file") var hdf5: HDF5Arguments

  func validate() throws {
    if rules.check == nil && checkpoint != nil {
      throw ValidationError("A checkpoint is only read with --check.")
    }
    if checkpoint == nil && rules.modelConfig != nil {
      throw ValidationError("--model-config belongs to a checkpoint: give one to try the rules on.")
    }
  }
  func run() throws {
    if let check = rules.check { return try tryOut(RuleFile(path: check)) }
    let architecture = list.architecture
    let files = try Dialects.all().filter { architecture == nil || $0.architecture == architecture }
    guard !files.isEmpty else {
      throw Failure(
        .usage, "there is no dialect for '\(architecture ?? "")'",
        hint: "known are " + Set(try Dialects.all().map(\.architecture)).sorted().joined(separator: ", "))
    }
    if list.json {
      let items = files.map { file -> JSON in
        .object([
          "architecture": .string(file.architecture), "dialect": .string(file.dialect),
          "format": .string(file.format.rawValue),
          "formats": .array(file.formats.map { .string($0.rawValue) }),
          "description": .string(file.description),
          "library": .string(file.library), "rule_file": .string(file.fileName),
        ])
      }
      print(JSON.array(items).text(pretty: true))
      return
    }
    var table = Table(
      ("architecture", .left), ("dialect", .left), ("formats", .left), ("files of", .left))
    for file in files {
      table.add(
        file.architecture, file.dialect, file.formats.map(\.rawValue).joined(separator: ", "),
        file.description)
    }
    print(table.text)
  }

  private func tryOut(_ file: RuleFile) throws {
    print("\(file.fileName): \(file.ruleCount) rules for \(file.architecture), dialect \(file.dialect)")
    guard let checkpoint else {
      print("  no mistakes found; give a checkpoint to try the rules on")
      return
    }
    let configuration = try rules.modelConfig.map(LoadArguments.readConfiguration)
    let result = try RuleFileCheck(file, on: checkpoint, LoadOptions(configuration: configuration))
    if !result.variant.isEmpty { print("  variant        \(result.variant)") }
    print("  forwards       \(result.tensors) native tensors, nothing left over")
    print("  backwards      the same names, shapes and bits")
    print("  configuration  \(result.configuration.text())")
    for note in result.assumed { print("  assumed        \(note.text)") }
    for (name, reason) in result.ignored { print("  left out       \(name.printable) (\(reason))") }
    for (line, native) in result.unused { print("  unused         line \(line): \(native)") }
  }
}
