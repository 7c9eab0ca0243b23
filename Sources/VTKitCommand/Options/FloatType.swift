import ArgumentParser
import VTCheckpoint
import VTCore

/// A type to round floats to, by any of its usual names.
struct FloatType: ExpressibleByArgument {
  let type: ElementType

  private static let names: [(type: ElementType, others: [String])] = [
    (.f32, ["float32", "float", "fp32", "single"]), (.f16, ["float16", "half", "fp16"]),
    (.bf16, ["bfloat16"]),
  ]

  init?(argument: String) {
    let name = argument.lowercased().replacing("torch.", with: "")
    guard let found = Self.names.first(where: { $0.type.rawValue == name || $0.others.contains(name) }) else {
      return nil
    }
    type = found.type
  }

  static var allValueStrings: [String] { names.map(\.type.rawValue) }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}
