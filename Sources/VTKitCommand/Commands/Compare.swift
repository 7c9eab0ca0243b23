import ArgumentParser
import Foundation
import VTCheckpoint
import VTConversion
import VTCore

struct Compare: NetworkCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tells whether two checkpoints hold the same network.",
    discussion: """
      Both are brought to native names first, so the formats and dialects may differ. Exit code 1 where \
      the networks differ.

      Example: vtkit compare ViT-B_16.npz tf_model.h5
      """)

  @Argument(help: "A checkpoint.")
  var a: String

  @Argument(help: "Another.")
  var b: String

  @Option(help: "Largest difference of two numbers that still counts as equal.")
  var tolerance = 0.0

  @Flag(help: "Write JSON.")
  var json = false

  @OptionGroup var load: LoadArguments

  func validate() throws {
    if tolerance < 0 || tolerance.isNaN { throw ValidationError("--tolerance must not be negative.") }
  }

  func run() throws {
    let (first, second) = (try load.network(a).loaded, try load.network(b).loaded)
    for (path, loaded) in [(a, first), (b, second)] { try loaded.checkDigest(path) }
    let watches = (FiniteWatch(), FiniteWatch())
    var differences: [String] = []
    for member in first.metadata.configuration.members ?? [] {
      let other = second.metadata.configuration[member.key]
      if other != member.value, other?.double == nil || other?.double != member.value.double {
        differences.append("\(member.key) is \(member.value.text()) and \(other?.text() ?? "missing")")
      }
    }
    var (equal, largest, worst) = (0, 0.0, "")
    for tensor in first.native.tensors {
      guard let other = second.native[tensor.name] else {
        differences.append("\(tensor.name) is in the first only")
        continue
      }
      guard tensor.shape == other.shape else {
        differences.append("\(tensor.name) is \(tensor.shape) and \(other.shape)")
        continue
      }
      let difference = try Self.difference(watches.0.watching(tensor), watches.1.watching(other))
      if difference > largest || difference.isNaN { (largest, worst) = (difference, tensor.name) }
      if difference <= tolerance {
        equal += 1
      } else {
        differences.append("\(tensor.name) differs by up to \(difference)")
      }
    }
    for name in second.native.names where first.native[name] == nil {
      differences.append("\(name) is in the second only")
    }
    // No images are read.
    for (path, loaded, watch) in [(a, first, watches.0), (b, second, watches.1)] {
      if let remark = watch.remark(loaded.native.names, told: loaded.ownName) {
        Console.line("note: \(path.printable): \(remark)")
      }
      Console.notes(loaded.notes.filter { $0.key != "preprocessing" }, of: path)
    }
    report(differences, equal: equal, largest: largest, worst: worst)
    if !differences.isEmpty { throw ExitCode(1) }
  }

  private func report(_ differences: [String], equal: Int, largest: Double, worst: String) {
    if json {
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
    let place = largest > 0 ? ", largest difference \(largest) in \(worst)" : ", bit for bit"
    let agree = "\(equal.counted("tensor")) \(equal == 1 ? "agrees" : "agree")"
    print(
      differences.isEmpty
        ? "the same network: \(agree)" + place
        : "different networks: \(agree), \(differences.count.counted("difference"))")
  }

  /// The largest difference of two numbers at the same place; 0 where all bytes agree.
  private static func difference(_ a: StoredTensor, _ b: StoredTensor) throws -> Double {
    let (x, y) = (try a.bytes(), try b.bytes())
    if a.type == b.type {
      let same = x.withUnsafeBytes { p in
        y.withUnsafeBytes { q in
          p.count == q.count && (p.count == 0 || memcmp(p.baseAddress!, q.baseAddress!, p.count) == 0)
        }
      }
      if same { return 0 }
    }
    guard a.type.isFloat, b.type.isFloat else { return .infinity }
    var largest = 0.0
    for (u, v) in zip(try a.floats(), try b.floats()) where u != v {
      let difference = abs(Double(u) - Double(v))
      if difference.isNaN { return .nan }
      largest = max(largest, difference)
    }
    return largest
  }
}
