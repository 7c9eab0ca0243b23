import ArgumentParser
import VTCheckpoint
import VTConversion
import VTCore
import VTKit

struct Convert: NetworkCommand {
  static let configuration = CommandConfiguration(
    abstract: "Converts a checkpoint to another file format and dialect, bit for bit.",
    discussion: """
      The formats follow the suffixes. Without --to, the tensors keep the names of their original library, \
      also if they went through a native store. --to native makes such a store.

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

  @OptionGroup(title: "Output") var writing: OutputArguments
  @OptionGroup(title: "Network") var network: NetworkArguments
  @OptionGroup(title: "Network") var classifier: ClassifierArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments

  private var raw: Bool { writing.raw }
  func validate() throws {
    if let compression = writing.compression, !(1...12).contains(compression) {
      throw ValidationError("--compression is a level from 1 to 12.")
    }
    if raw && (classifier.numClasses != nil || !network.isEmpty) {
      throw ValidationError(
        "--raw knows no network: leave out --num-classes, --image-size, --window-size and --in-channels.")
    }
    if let problem = changes.problem { throw ValidationError(problem + ".") }
    if raw && (writing.target != nil || load.dialect != nil) {
      throw ValidationError("--raw knows no dialects: leave out --from and --to.")
    }
  }

  private var changes: NetworkChanges {
    network.changes(classCount: classifier.numClasses)
  }

  func run() throws {
    let destination = try Destination(output)
    let options = writing.options
    try options.check(destination, isRaw: raw)
    if !writing.dryRun { try destination.check(overwrite: writing.force) }
    let export =
      try raw
      ? Export(tensorsOf: input, ignore: load.ignore, to: destination, options: options)
      : converted(destination, options)
    Console.notes(export.unused)
    for note in export.notes { Console.line("note: " + note) }
    if writing.dryRun { return show(export.plan, export.folder) }
    let bar = ProgressBar("writing", total: export.byteCount)
    var done = 0
    let written = try export.write {
      done += $0
      bar.show(done, note: ByteSize.text(done))
    }
    bar.finish()
    tell(written, isFolder: destination.isFolder)
  }

  private func converted(_ destination: Destination, _ options: ExportOptions) throws -> Export {
    var source = try load.network(input)
    if !writing.dryRun { try source.checkDigest() }
    try source.checkShapes()
    source = source.watchingNumbers()
    for note in try source.change(changes) { Console.line("note: " + note) }
    let export = try source.export(to: destination, options) { "pass --to " + $0.joined(separator: " or ") }
    Console.notes(source.loaded.notes)
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
      // A row of the table for every name; the first has what they share.
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
