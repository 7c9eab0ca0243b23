import ArgumentParser
import VTCheckpoint
import VTConversion
import VTCore
import VTKit

struct Convert: NetworkCommand {
  static let configuration = CommandConfiguration(
    abstract: "Brings a checkpoint to another file format and dialect, bit for bit.",
    discussion: """
      The formats follow the suffixes. Without --to, the tensors keep the names of the library that they came from, \
      also where they went through a native store. --to native makes such a store.

      Example: vtkit convert ViT-B_16.npz vit_base.safetensors --to timm
               vtkit convert ViT-B_16.npz my-model/ --to huggingface
      """)

  @Argument(
    help: "The checkpoint to read: a file, a model folder or a training run's folder.", completion: .file())
  var input: String

  @Argument(
    help: "The file to write, or with a slash at its end a model folder (config.json and all).",
    completion: .file())
  var output: String

  @OptionGroup var load: LoadArguments

  @Option(
    name: .customLong("to"),
    help: ArgumentHelp(
      "The dialect to write ('vtkit dialects' lists them), or native.", valueName: "dialect"),
    completion: .targets)
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
    if let problem = changes.problem { throw ValidationError(problem + ".") }
    if raw && (target != nil || load.dialect != nil) {
      throw ValidationError("--raw knows no dialects: leave out --from and --to.")
    }
  }

  private var changes: NetworkChanges {
    NetworkChanges(
      imageSize: imageSize, windowSize: windowSize, inChannels: inChannels, classCount: numClasses)
  }

  func run() throws {
    let destination = try Destination(output)
    var options = ExportOptions()
    (options.dialect, options.variant, options.type) = (target, variant, dtype?.type)
    (options.compression, options.maximumShard) = (compression, maxShardSize?.bytes)
    (options.keepsDrloc, options.overwrites) = (keepDrloc, force)
    try options.check(destination, isRaw: raw)
    if !dryRun { try destination.check(overwrite: force) }
    let export =
      try raw
      ? Export(tensorsOf: input, ignore: load.ignore, to: destination, options: options)
      : converted(destination, options)
    Console.notes(export.unused)
    for note in export.notes { Console.line("note: " + note) }
    if dryRun { return show(export.plan, export.folder) }
    let bar = ProgressBar("writing", total: export.byteCount)
    var done = 0
    let written = try export.write {
      done += $0
      bar.show(done, note: Format.bytes(done))
    }
    bar.finish()
    tell(written, isFolder: destination.isFolder)
  }

  private func converted(_ destination: Destination, _ options: ExportOptions) throws -> Export {
    var network = try load.network(input)
    if !dryRun { try network.checkDigest() }
    try network.checkShapes()
    network = network.watchingNumbers()
    for note in try network.change(changes) { Console.line("note: " + note) }
    let export = try network.export(to: destination, options) { "pass --to " + $0.joined(separator: " or ") }
    Console.notes(network.loaded.notes)
    return export
  }

  private func tell(_ written: Export.Written, isFolder: Bool) {
    if let remark = written.remark { Console.line("note: " + remark) }
    let files = written.files
    print(
      (isFolder
        ? "\(output) with \(files.joined(separator: ", "))"
        : files.count > 1 ? "\(files[files.count - 1]) and \((files.count - 1).counted("file"))" : output)
        + ": \(written.tensorCount.counted("tensor")), \(Format.count(written.elementCount)) numbers"
        + (raw ? "" : ", dialect \(written.dialect ?? "?")"))
    if let python = written.python {
      print("\nIn Python:\n")
      print(
        python.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }.joined(
          separator: "\n"))
    }
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
