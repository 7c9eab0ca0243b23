import ArgumentParser
import Foundation
import VTCheckpoint
import VTConversion
import VTCore
import VTKit

/// Options that say what a checkpoint is, where it does not say so itself.
struct LoadArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("The architecture (vit, ...); recognized by default.", valueName: "name"),
    completion: .architectures)
  var architecture: String?

  @Option(
    name: .customLong("from"),
    help: ArgumentHelp("The dialect of the tensors' names; recognized by default.", valueName: "dialect"),
    completion: .dialects)
  var dialect: String?

  @Option(
    help: ArgumentHelp(
      "The key, attribute or layer under which the file holds the network (model_ema, teacher.backbone, resnet50); found by default.",
      valueName: "key"))
  var key: String?

  @Option(
    help: ArgumentHelp(
      "A rule file of your own (docs/guide/adding-a-dialect.md). May be repeated.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var rules: [String] = []

  @Option(
    help: ArgumentHelp(
      "Configuration keys that the file does not settle: a JSON file, or JSON itself ('{\"num_heads\": 6}').",
      valueName: "file-or-json"),
    completion: .file(extensions: ["json"]))
  var modelConfig: String?

  @Option(
    help: ArgumentHelp(
      "Attention heads, if the file does not settle them; one number per stage for CvT (1,3,6).",
      valueName: "n"))
  var numHeads: HeadCount?

  @Option(
    help: ArgumentHelp(
      "Leave out tensors whose names match (* matches anything). May be repeated.", valueName: "pattern"))
  var ignore: [String] = []

  @Option(
    help: ArgumentHelp(
      "Accept that tensors whose names match are missing. May be repeated.", valueName: "pattern"))
  var allowMissing: [String] = []

  @OptionGroup var hdf5: HDF5Arguments

  func options() throws -> LoadOptions {
    for path in rules { Dialects.add(try RuleFile(path: path)) }
    return LoadOptions(
      architecture: architecture, dialect: dialect, key: key,
      configuration: try configuration(), ignore: ignore, allowMissing: allowMissing)
  }

  /// The keys of `--model-config`, with `--num-heads`.
  private func configuration() throws -> JSON? {
    let given = try modelConfig.map(Self.readConfiguration)
    guard let heads = numHeads?.json else { return given }
    if let other = given?["num_heads"], !other.isSame(as: heads) {
      throw Failure(.usage, "--num-heads says \(heads.text()), --model-config \(other.text())")
    }
    return .object(
      (given?.members ?? []).filter { $0.key != "num_heads" } + [.init(key: "num_heads", value: heads)])
  }

  /// - Parameter path: a file, or JSON itself.
  /// - Throws: `Failure` where the file is missing or no JSON object.
  static func readConfiguration(_ path: String) throws -> JSON {
    if path.drop(while: \.isWhitespace).first == "{" {
      do { return try JSON(parsing: Data(path.utf8)) } catch let failure as Failure {
        throw Failure(.usage, "--model-config is not JSON: \(failure.problem)")
      }
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Failure.system("reading", file: path, code: ENOENT)
    }
    do {
      let json = try JSON(parsing: data)
      guard json.members != nil else { throw Failure("the configuration is not a JSON object") }
      return json
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  /// Loads. The command tells the notes (`Console.notes`) once its own checks have passed.
  func network(_ path: String) throws -> Network { try Network(contentsOf: path, options: options()) }
}
