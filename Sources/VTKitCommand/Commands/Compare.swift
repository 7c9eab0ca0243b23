import ArgumentParser
import VTConversion
import VTCore
import VTKit

struct Compare: NetworkCommand {
  static let configuration = CommandConfiguration(
    abstract: "Checks whether two checkpoints hold the same network.",
    discussion: """
      Both are brought to native names first, so the formats and dialects may differ. Exit code 1 if \
      the networks differ.

      Example: vtkit compare ViT-B_16.npz tf_model.h5
      """)

  @Argument(help: "A checkpoint.", completion: .file())
  var a: String

  @Argument(help: "Another.", completion: .file())
  var b: String

  @OptionGroup(title: "Comparison") var options: ComparisonArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments
  func run() throws {
    let networks = try [a, b].map { try load.network($0) }
    for network in networks { try network.checkDigest() }
    let watched = networks.map { $0.watchingNumbers() }
    let comparison = try Comparison(watched[0], watched[1], tolerance: options.tolerance)
    // No images are read.
    for (path, network) in zip([a, b], watched) {
      if let remark = network.finiteRemark() { Console.line("note: \(path.printable): \(remark)") }
      Console.notes(network.loaded.notes.filter { $0.key != "preprocessing" }, of: path)
    }
    report(comparison)
    if !comparison.differences.isEmpty { throw ExitCode(1) }
  }

  private func report(_ comparison: Comparison) {
    let (differences, equal) = (comparison.differences, comparison.equalCount)
    let largest = comparison.largest
    if options.json {
      print(
        JSON.object([
          "same": .bool(differences.isEmpty), "equal_tensors": .int(equal),
          "largest_difference": .double(largest),
          "differences": .array(differences.map { .string($0) }),
        ]).text(pretty: true))
      return
    }
    for line in differences.prefix(40) { print(line.printable) }
    if differences.count > 40 { print("... and \((differences.count - 40).counted("more difference"))") }
    let place = largest > 0 ? ", largest difference \(largest) in \(comparison.worst)" : ", bit for bit"
    let agree = "\(equal.counted("tensor")) \(equal == 1 ? "agrees" : "agree")"
    print(
      differences.isEmpty
        ? "the same network: \(agree)" + place
        : "different networks: \(agree), \(differences.count.counted("difference"))")
  }
}
