import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTModels
import VTTensor

/// Everything needed to repeat a run: the run folder's `config.json`.
package struct RunConfiguration: Sendable, Equatable {
  /// What this version writes. Format 3's recipes have a version, and metrics have names. Format 2 has digests in its
  /// checkpoints and writes every key of the recipe; folders of the version before name no format.
  package static let currentFormat = 3

  package var format = RunConfiguration.currentFormat
  package var recipe: Recipe
  /// The data folder, and what was found in it: a resumed run must find the same.
  package var data: String
  /// Whether `data` is what a program called images of its own, which it alone can give again.
  package var isDataOfProgram = false
  package var dataFingerprint: String
  /// Whether the test images are the validation set even where there are validation images.
  package var usesTestSplit: Bool
  /// The starting checkpoint; nil from scratch.
  package var checkpoint: String?
  package var metadata: NativeMetadata
  /// The network that the run learns from beside the labels.
  package var teacher: Teacher?
  package var exports: [String]
  package var keepsDrloc: Bool
  /// The kernels it was begun with, for the same bits when it goes on; nil in folders that do not tell.
  package var instructions: InstructionSet?
  /// The matrix library it was begun with (`Engine.matrixLibrary`); nil in folders that do not tell.
  package var matrixLibrary: String?
  /// Keys that the folder lacks, being of an earlier version, and that got their usual values.
  package private(set) var lacking: [String] = []

  package init(
    recipe: Recipe, data: String, dataFingerprint: String, checkpoint: String?,
    metadata: NativeMetadata, exports: [String], keepsDrloc: Bool,
    instructions: InstructionSet? = nil, usesTestSplit: Bool = false, matrixLibrary: String? = nil
  ) {
    self.recipe = recipe
    self.data = data
    self.dataFingerprint = dataFingerprint
    self.checkpoint = checkpoint
    self.metadata = metadata
    self.exports = exports
    self.keepsDrloc = keepsDrloc
    self.instructions = instructions
    self.usesTestSplit = usesTestSplit
    self.matrixLibrary = matrixLibrary
  }

  /// A folder of an earlier version stays one: its checkpoints need not have what this version's do.
  var json: JSON {
    let all: JSON = .object([
      "format": .int(format),
      "recipe": recipe.json, "data": .string(data), "data_fingerprint": .string(dataFingerprint),
      "test_split": .bool(usesTestSplit),
      "checkpoint": checkpoint.map { .string($0) } ?? .null, "teacher": teacher?.json ?? .null,
      "model": metadata.configuration,
      "classes": .array((metadata.classes ?? []).map { .string($0) }),
      "preprocessing": metadata.preprocessing ?? .null,
      "provenance": metadata.provenance ?? .null,
      "exports": .array(exports.map { .string($0) }), "keeps_drloc": .bool(keepsDrloc),
      "instructions": instructions.map { .string($0.rawValue) } ?? .null,
      "matrix_library": matrixLibrary.map { .string($0) } ?? .null,
    ])
    // Folders of all other runs are as they were before there was such a key.
    return isDataOfProgram ? all.merging(["data_of_program": .bool(true)]) : all
  }

  /// - Throws: `Failure` naming the key that is missing, unknown or makes no sense: what a file says is held to the same
  ///   rules as the command line.
  init(_ json: JSON) throws {
    format = json["format"] == nil ? 1 : json["format"]?.int ?? 0
    guard format >= 1 else { throw Failure("the run's 'format' is not a whole number from 1 on") }
    guard format <= Self.currentFormat else {
      throw Failure(
        "the run folder is of a newer version of VTKit (format \(format); this version knows up to \(Self.currentFormat))",
        hint: "go on with the version that began the run")
    }
    let isEarlier = format < 2
    var reader = try RecordReader(json, "the run's configuration", allowsMissing: isEarlier)
    _ = try reader.int("format", default: 1)
    recipe = Recipe()
    lacking = try recipe.read(
      reader.value("recipe", "an object") { $0 }, isEarlier ? .earlier : .whole)
    data = try reader.text("data")
    dataFingerprint = try reader.text("data_fingerprint")
    if reader.keys.contains("data_of_program") { isDataOfProgram = try reader.flag("data_of_program") }
    usesTestSplit = try reader.flag("test_split", default: false)
    checkpoint = try reader.optional("checkpoint", "a text", default: .some(nil), \.string)
    let model = try reader.value("model", "an object") { $0 }
    let classes = try reader.texts("classes")
    let preprocessing = try reader.value("preprocessing", "an object") { $0 }
    let provenance = try reader.optional("provenance", "an object", default: .some(nil)) {
      $0.members == nil ? nil : $0
    }
    // Runs without a teacher need not say so.
    if reader.keys.contains("teacher") {
      teacher = try reader.optional("teacher", "an object") { $0.members == nil ? nil : $0 }
        .map { try Teacher($0) }
    }
    exports = try reader.texts("exports")
    keepsDrloc = try reader.flag("keeps_drloc", default: false)
    instructions = try reader.optional(
      "instructions", RecordReader.list(InstructionSet.self), default: .some(nil)
    ) { $0.string.flatMap(InstructionSet.init) }
    matrixLibrary = try reader.optional("matrix_library", "a text", default: .some(nil), \.string)
    try reader.finish()
    metadata = NativeMetadata(
      configuration: model, classes: classes, preprocessing: preprocessing, provenance: provenance)
    try Self.check(model, classes: classes, preprocessing: preprocessing)
    guard (teacher == nil) == (recipe.distillationMode == nil) else {
      throw Failure("the run's 'teacher' and its recipe's 'distillationMode' go together, and one is missing")
    }
    if let teacher {
      for key in ["image_size", "in_channels", "num_classes"] {
        let own = try Models.completed(model)[key]?.int
        guard try Models.completed(teacher.configuration)[key]?.int == own else {
          throw Failure("the run's 'teacher' has another '\(key)' than its network")
        }
      }
    }
  }

  /// The network, its classes and its images must go together.
  private static func check(_ model: JSON, classes: [String], preprocessing: JSON) throws {
    let whole: JSON
    do { whole = try Models.completed(model) } catch var failure as Failure {
      failure.problem = "the run's 'model': " + failure.problem
      throw failure
    }
    let count = whole["num_classes"]?.int ?? 0
    guard Set(classes).count == classes.count else {
      throw Failure("the run's 'classes' name one class twice")
    }
    guard classes.count == count else {
      throw Failure(
        "the run's 'classes' are \(classes.count), the network ('num_classes') tells \(count) apart")
    }
    let steps = try Preprocessing(preprocessing)
    if let unknown = preprocessing.members?.first(where: { !Preprocessing.keys.contains($0.key) }) {
      throw Failure(
        "the run's 'preprocessing' has the key '\(unknown.key.printable)', which this version of VTKit does not know"
      )
    }
    guard let side = whole["image_size"]?.int, side == steps.imageSize else {
      throw Failure("the preprocessing's 'size' is \(steps.imageSize), not the network's 'image_size'")
    }
    guard let channels = whole["in_channels"]?.int, channels == steps.channels else {
      throw Failure(
        "the preprocessing's 'mean' has \(steps.channels) numbers, not the network's 'in_channels'")
    }
  }
}
