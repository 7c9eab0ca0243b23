import ArgumentParser
import Foundation
import VTCheckpoint
import VTConversion
import VTCore
import VTModels
import VTTraining

struct Convert: NetworkCommand {
  static let configuration = CommandConfiguration(
    abstract: "Brings a checkpoint to another file format and dialect, bit for bit.",
    discussion: """
      The formats follow the suffixes. Without --to, the tensors keep the names of the library that they came from, \
      also where they went through a native store. --to native makes such a store.

      Example: vtkit convert ViT-B_16.npz vit_base.safetensors --to timm
               vtkit convert ViT-B_16.npz my-model/ --to huggingface
      """)

  @Argument(help: "The checkpoint to read: a file, a model folder or a training run's folder.")
  var input: String

  @Argument(help: "The file to write, or with a slash at its end a model folder (config.json and all).")
  var output: String

  @OptionGroup var load: LoadArguments

  @Option(
    name: .customLong("to"),
    help: ArgumentHelp("The dialect to write ('vtkit dialects' lists them), or native.", valueName: "dialect")
  )
  var target: String?

  @Option(
    help: ArgumentHelp(
      "Which of the dialect's variants to write, where it has several (released or linen for jax-vit).",
      valueName: "name"))
  var variant: String?

  @Option(
    help: ArgumentHelp(
      "Round floats to another type; refused where a number would become infinite.", valueName: "type"))
  var dtype: FloatType?

  @Option(
    help: ArgumentHelp(
      "Give the network a new, untrained classifier for so many classes; 0 takes it away.", valueName: "n"))
  var numClasses: Int?

  @Option(
    help: ArgumentHelp(
      "Bring the network to images of this side: position tables are resampled.", valueName: "side"))
  var imageSize: Int?

  @Option(
    help: ArgumentHelp("Bring a Swin to windows of this side: bias tables are resampled.", valueName: "side"))
  var windowSize: Int?

  @Option(
    help: ArgumentHelp(
      "Bring the network to gray images (1) or RGB (3): its first layer is summed or repeated.",
      valueName: "n"))
  var inChannels: Int?

  @Option(
    help: ArgumentHelp(
      "Deflate level for .npz (1 to 12) and .h5 (1 to 9); plain where left out.", valueName: "n"))
  var compression: Int?

  @Option(
    help: ArgumentHelp(
      "Split a .safetensors output into files of at most this size (5GB, 500MB) and an index.",
      valueName: "size"))
  var maxShardSize: ByteSize?

  @Flag(help: "Move every tensor under its own name: no network, no dialect.")
  var raw = false

  @Flag(help: "Keep the drloc head.")
  var keepDrloc = false

  @Flag(help: "Replace the output where it exists.")
  var force = false

  @Flag(help: "Show what would be done, and write nothing.")
  var dryRun = false

  func validate() throws {
    if let compression, !(1...12).contains(compression) {
      throw ValidationError("--compression is a level from 1 to 12.")
    }
    if let numClasses, numClasses < 0 { throw ValidationError("--num-classes must not be negative.") }
    if raw && (numClasses != nil || imageSize != nil || windowSize != nil || inChannels != nil) {
      throw ValidationError(
        "--raw knows no network: leave out --num-classes, --image-size, --window-size and --in-channels.")
    }
    if let problem = Resizing.problem(imageSize: imageSize, windowSize: windowSize)
      ?? Resizing.problem(inChannels: inChannels)
    {
      throw ValidationError(problem + ".")
    }
    if raw && (target != nil || load.dialect != nil) {
      throw ValidationError("--raw knows no dialects: leave out --from and --to.")
    }
  }

  func run() throws {
    let destination = try Destination(output)
    if raw && destination.isFolder {
      throw Failure(
        .usage, "--raw knows no network, and a model folder describes one", file: output,
        hint: "name a file")
    }
    if maxShardSize != nil, !destination.isFolder, destination.format != .safetensors {
      throw Failure(
        .usage, "only safetensors files are split into several", file: output,
        hint: "leave out --max-shard-size")
    }
    try CheckpointFile.checkCompression(
      compression, destination.format, file: output, hint: "leave out --compression")
    if !dryRun { try destination.check(overwrite: force) }
    var store: StateDict
    var plan: [PlanRow]
    var exported: ExportedCheckpoint?
    var configuration = JSON.null
    let watch = FiniteWatch()
    var finiteRemark: () -> String? = { nil }
    if raw {
      store = try CheckpointFile.open(input)
      Console.notes(try store.unusedPatterns(load.ignore))
      store = try unsealed(store)
      try store.leaveOut(load.ignore)
      store.mapTensors(watch.watching)
      let names = store.names
      finiteRemark = { watch.remark(names) }
      plan = store.tensors.map {
        PlanRow(sources: [$0.name], targets: [$0.name], type: $0.type, shape: $0.shape, step: "")
      }
      for item in store.skipped {
        Console.line("note: \(item.name.printable) is left out (\(item.reason))")
      }
      guard store.count > 0 || store.skipped.isEmpty else {
        throw Failure(
          "nothing in the file is a tensor", file: input, hint: "see what it holds with 'vtkit inspect'")
      }
    } else {
      let result: ExportedCheckpoint
      (result, configuration, finiteRemark) = try converted(destination, watch)
      (store, plan, exported) = (result.store, result.plan, result)
      if maxShardSize != nil, let folder = result.folder, !folder.readsShards || folder.format != .safetensors
      {
        throw Failure(
          .usage, "the library reads no weights in several files from such a folder", file: output,
          hint: "leave out --max-shard-size")
      }
    }
    if let dtype { store.mapTensors { $0.converted(to: dtype.type) } }
    if dryRun { return show(plan, exported?.folder) }
    let bar = ProgressBar("writing", total: store.byteCount)
    var done = 0
    var result = exported ?? ExportedCheckpoint(raw: store)
    result.store = store
    let files = try destination.write(
      result, compression: compression, maximumShard: maxShardSize?.bytes, overwrite: force
    ) {
      done += $0
      bar.show(done, note: Format.bytes(done))
    }
    bar.finish()
    if let remark = finiteRemark() { Console.line("note: " + remark) }
    print(
      (destination.isFolder
        ? "\(output) with \(files.joined(separator: ", "))"
        : files.count > 1 ? "\(files[files.count - 1]) and \((files.count - 1).counted("file"))" : output)
        + ": \(store.count.counted("tensor")), \(Format.count(store.elementCount)) numbers"
        + (raw ? "" : ", dialect \(store.metadata["vtkit.dialect"] ?? "?")"))
    let snippet =
      exported?.folder?.python(output)
      ?? destination.format.flatMap { exported?.pythonSnippet(configuration, files: files, format: $0) }
    if let snippet {
      print("\nIn Python:\n")
      print(
        snippet.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }.joined(
          separator: "\n"))
    }
  }

  /// A training run's checkpoint without its digest, which holds for no other bytes, such as rounded ones.
  private func unsealed(_ store: StateDict) throws -> StateDict {
    do { try ContentDigest.check(store, .weights) } catch let failure as Failure {
      throw failure.located(file: input)
    }
    var result = store
    result.metadata[ContentDigest.key] = nil
    return result
  }

  /// - Parameter watch: told of numbers that are not finite as they are read.
  /// - Returns: also what to say of such numbers once all are read.
  private func converted(_ destination: Destination, _ watch: FiniteWatch) throws -> (
    ExportedCheckpoint, configuration: JSON, finiteRemark: () -> String?
  ) {
    var loaded = try load.load(input)
    if !dryRun { try loaded.checkDigest(input) }
    do { try Models.checkShapes(loaded.native, loaded.metadata.configuration) } catch let failure
      as Failure
    {
      throw failure.located(file: input)
    }
    loaded.native.mapTensors(watch.watching)
    let (names, told) = (loaded.native.names, loaded)
    try Resizing.apply(imageSize: imageSize, windowSize: windowSize, to: &loaded)
    try Resizing.apply(inChannels: inChannels, to: &loaded)
    if let numClasses {
      let configuration = HeadReplacement.configuration(
        loaded.metadata.configuration, numClasses: numClasses)
      loaded.native = try HeadReplacement.weights(loaded.native, configuration: configuration, seed: 0)
      loaded.metadata.configuration = configuration
      loaded.metadata.classes = nil
    }
    var metadata = loaded.metadata
    metadata.provenance = try Provenance.make(input, loaded, digest: PendingDigest.placeholder)
    let dialect =
      try target
      ?? destination.usualDialect(metadata) { "pass --to " + $0.joined(separator: " or ") }
    // Going back to where the weights came from restores that file's own spelling.
    let isReturn =
      metadata.provenance?["source_dialect"]?.string == dialect || loaded.dialect == dialect
    let keepsDrloc = keepDrloc || dialect == NativeMetadata.nativeDialect
    var exported = try ExportedCheckpoint.make(
      loaded.native, metadata: metadata, dialect: dialect,
      variant: try chosenVariant(dialect, metadata) ?? (isReturn ? loaded.variant : nil),
      wildcards: isReturn ? loaded.wildcards : [:],
      keepsDrloc: keepsDrloc, inFolder: destination.isFolder,
      preset: NamedModel.name(of: metadata.configuration))
    Console.notes(loaded.notes)
    let heads = loaded.native.names.count { $0.hasPrefix("drloc.") }
    if heads > 0, !keepsDrloc {
      Console.line(
        "note: the drloc head (\(heads.counted("tensor"))) is left out (--keep-drloc takes it along)")
    }
    Console.omissions(exported.omitted, dialect: dialect)
    for remark in exported.remarks { Console.line("note: " + remark) }
    // The plan joins both halves: source names on the left, target names on the right.
    let origins = Dictionary(
      loaded.plan.map { ($0.targets[0], $0) }, uniquingKeysWith: { first, _ in first })
    exported.store.digest = PendingDigest(of: input)
    exported.plan = exported.plan.map { row in
      let origin = origins[row.sources[0]]
      let steps = [origin?.step ?? "", row.step].filter { !$0.isEmpty }
      return PlanRow(
        sources: origin?.sources ?? row.sources, targets: row.targets, type: row.type,
        sourceShape: origin?.sourceShape ?? row.sourceShape, shape: row.shape,
        step: steps.joined(separator: ", then "))
    }
    return (exported, metadata.configuration, { watch.remark(names, told: told.ownName) })
  }

  private func chosenVariant(_ dialect: String, _ metadata: NativeMetadata) throws -> String? {
    guard let variant else { return nil }
    let known = dialect == NativeMetadata.nativeDialect ? [] : try Dialects.variants(of: dialect, metadata)
    guard known.contains(variant) else {
      throw Failure(
        .usage, "the dialect '\(dialect)' has no variant '\(variant.printable)'",
        hint: known.isEmpty ? "leave out --variant" : "it has " + known.joined(separator: ", "))
    }
    return variant
  }

  private func show(_ plan: [PlanRow], _ folder: FolderExport?) {
    var table = Table(
      ("source", .left), ("shape", .left), ("type", .left), ("layout", .left), ("target", .left),
      ("shape", .left))
    for row in plan {
      // A row of the table for every name; what they share stands in the first.
      for index in 0..<max(row.sources.count, row.targets.count) {
        func name(_ names: [String]) -> String { index < names.count ? names[index].printable : "" }
        let isFirst = index == 0
        table.add(
          name(row.sources), index < row.sources.count ? Format.shape(row.sourceShape) : "",
          isFirst ? row.type.rawValue : "", isFirst ? row.step : "", name(row.targets),
          index < row.targets.count ? Format.shape(row.shape) : "")
      }
    }
    print(table.text)
    if let folder {
      for (name, content) in folder.documents { print("\(name):\n\(content.text(pretty: true))") }
      print(
        "\(output) would have \((folder.documents.map(\.name) + [folder.weights]).joined(separator: ", "))")
    }
    print("\(plan.count.counted("tensor")); nothing was written")
  }
}
