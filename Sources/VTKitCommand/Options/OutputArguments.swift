import ArgumentParser
import VTCore
import VTKit

/// How `convert` writes.
struct OutputArguments: ParsableArguments {
  @Option(
    name: .customLong("to"),
    help: ArgumentHelp(
      "The dialect to write ('vtkit dialects' lists them), or native.", valueName: "dialect"),
    completion: .targets)
  var target: String?

  @Option(
    help: ArgumentHelp(
      "Which of the dialect's variants to write, if it has several (released or linen for jax-vit).",
      valueName: "name"))
  var variant: String?

  @Option(
    help: ArgumentHelp(
      "Round floats to another type; an error if a number would become infinite.", valueName: "type"))
  var dtype: FloatType?

  @Option(
    help: ArgumentHelp(
      "Deflate level for .npz (1 to 12) and .h5 (1 to 9). Without it, the output is not compressed.",
      valueName: "n"))
  var compression: Int?

  @Option(
    help: ArgumentHelp(
      "Split a .safetensors output into files of at most this size (5GB, 500MB) and an index.",
      valueName: "size"))
  var maxShardSize: ByteSize?

  @Flag(help: "Keep the drloc head.")
  var keepDrloc = false

  @Flag(help: "Move every tensor under its own name: no network, no dialect.")
  var raw = false

  @Flag(help: "Show what would be done, and write nothing.")
  var dryRun = false

  @Flag(help: "Replace the output if it exists.")
  var force = false
  var options: ExportOptions {
    var options = ExportOptions()
    (options.dialect, options.variant, options.type) = (target, variant, dtype?.type)
    (options.compression, options.maximumShard) = (compression, maxShardSize?.bytes)
    (options.keepsDrloc, options.overwrites) = (keepDrloc, force)
    return options
  }
}
