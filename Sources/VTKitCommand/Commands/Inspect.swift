import ArgumentParser
import Foundation
import VTCheckpoint
import VTConversion
import VTCore
import VTKit

struct Inspect: NetworkCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists a checkpoint's tensors and identifies the network.",
    discussion: "Example: vtkit inspect ViT-B_16.npz --filter '*encoderblock_0*'")

  @Argument(help: "The checkpoint.", completion: .file())
  var checkpoint: String

  @OptionGroup(title: "Output") var listing: ListingArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments

  func run() throws {
    let found = try Inspection(of: checkpoint, load.options())
    let store = found.tensors
    let tensors = try listing.filter.map { try store.matching($0) } ?? store.tensors
    let watch = FiniteWatch()
    let statistics = listing.stats ? try tensors.map { try TensorStatistics(watch.watching($0)) } : []
    if let remark = watch.remark(tensors.map(\.name)) { Console.line("note: " + remark) }
    if listing.json {
      print(document(found, tensors, statistics).text(pretty: true))
    } else {
      describe(found, tensors, statistics)
    }
  }

  private func describe(
    _ found: Inspection, _ tensors: [StoredTensor], _ statistics: [TensorStatistics]
  ) {
    let (store, loaded) = (found.tensors, found.network?.loaded)
    if let loaded {
      let configuration = loaded.metadata.configuration
      let keys = (configuration.members ?? []).filter { $0.key != "architecture" }
        .map { "\($0.key)=\($0.value.string ?? $0.value.text())" }.joined(separator: " ")
      print("network:    \(configuration["architecture"]?.string ?? "?") (dialect \(loaded.dialect))")
      print("settings:   \(keys)")
      if let classes = loaded.metadata.classes {
        print("classes:    \(classes.map(\.printable).joined(separator: ", "))")
      }
      if let preprocessing = loaded.metadata.preprocessing {
        let words = PreprocessingText(preprocessing)
        print("images:     \(words.geometry); \(words.numbers)")
      }
      if let origin = loaded.metadata.provenance?["source_file"]?.string {
        print("made from:  \(origin)")
      }
      for note in loaded.notes {
        print((note.label + ":").padding(toLength: 12, withPad: " ", startingAt: 0) + note.text.printable)
      }
    } else {
      print("network:    \(found.problem.printable)")
    }
    print(
      "tensors:    \(store.count), \(Format.count(store.elementCount)) numbers, \(ByteSize.text(store.byteCount))\n"
    )
    if statistics.isEmpty {
      var table = Table(("tensor", .left), ("type", .left), ("shape", .left))
      for tensor in tensors {
        table.add(tensor.name.printable, tensor.type.rawValue, Format.shape(tensor.shape))
      }
      print(table.text)
    } else {
      var table = Table(
        ("tensor", .left), ("type", .left), ("shape", .left), ("min", .right), ("max", .right),
        ("mean", .right), ("std", .right))
      for (tensor, s) in zip(tensors, statistics) {
        let numbers = s.numbers.map { String(format: "%.4g", $0) } + (s.notFinite > 0 ? ["!"] : [])
        table.add(
          tensor.name.printable, tensor.type.rawValue, Format.shape(tensor.shape), numbers[0],
          numbers[1], numbers[2], numbers[3] + (s.notFinite > 0 ? " (\(s.notFinite) not finite)" : ""))
      }
      print(table.text)
    }
    for item in store.skipped {
      print("not a tensor: \(item.name.printable) (\(item.reason))")
    }
  }

  private func document(
    _ found: Inspection, _ tensors: [StoredTensor], _ statistics: [TensorStatistics]
  ) -> JSON {
    let (store, loaded) = (found.tensors, found.network?.loaded)
    let items = tensors.enumerated().map { index, tensor -> JSON in
      var members: [JSON.Member] = [
        .init(key: "name", value: .string(tensor.name)),
        .init(key: "type", value: .string(tensor.type.rawValue)),
        .init(key: "shape", value: .array(tensor.shape.map(JSON.int))),
      ]
      if index < statistics.count {
        let s = statistics[index]
        for (key, value) in zip(["min", "max", "mean", "std"], s.numbers) {
          members.append(.init(key: key, value: .double(value)))
        }
        members.append(.init(key: "not_finite", value: .int(s.notFinite)))
      }
      return .object(members)
    }
    return .object([
      "dialect": loaded.map { .string($0.dialect) } ?? .null,
      "configuration": loaded?.metadata.configuration ?? .null,
      "classes": loaded?.metadata.classes.map { .array($0.map { .string($0) }) } ?? .null,
      "preprocessing": loaded?.metadata.preprocessing ?? .null,
      "provenance": loaded?.metadata.provenance ?? .null,
      "problem": loaded == nil ? .string(found.problem) : .null,
      "notes": .array((loaded?.notes ?? []).map(\.json)),
      "tensor_count": .int(store.count), "number_count": .int(store.elementCount),
      "tensors": .array(items),
      "skipped": .array(
        store.skipped.map { .object(["name": .string($0.name), "reason": .string($0.reason)]) }),
    ])
  }
}
