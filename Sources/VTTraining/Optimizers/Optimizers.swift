import Foundation
import VTCore

/// The optimizers that a recipe can name.
package enum Optimizers {
  /// VTKit's own.
  package static let all: [any Optimizer.Type] = [AdamW.self, SGD.self, Lion.self]

  package static var names: [String] { all.map { $0.name } }

  private static let lock = NSLock()
  /// Programs' own; `lock` guards it.
  nonisolated(unsafe) private static var added: [any Optimizer.Type] = []

  /// See `HostOptimizer.register`.
  static func add<Own: HostOptimizer>(_ optimizer: Own.Type) throws {
    try check(optimizer)
    try lock.withLock {
      if added.contains(where: { $0 == HostedOptimizer<Own>.self }) { return }
      guard !(all + added).contains(where: { $0.name == Own.name }) else {
        throw Failure(
          .usage, "there is an optimizer '\(Own.name.printable)' already", hint: "give yours another name")
      }
      added.append(HostedOptimizer<Own>.self)
    }
  }

  /// The optimizer of a name; nil where there is none.
  static func named(_ name: String) -> (any Optimizer.Type)? {
    (all + lock.withLock { added }).first { $0.name == name }
  }

  /// For messages.
  static var list: String {
    "one of " + (names + lock.withLock { added.map { $0.name } }).joined(separator: ", ")
  }

  private static func check<Own: HostOptimizer>(_ optimizer: Own.Type) throws {
    let of = "the optimizer '\(Own.name.printable)'"
    if Own.name.isEmpty { throw Failure(.usage, "an optimizer needs a name") }
    // What else a checkpoint keeps beside the weights.
    let kept: Set = ["base", "hook", "lora", "trained"]
    for slot in Own.slots where slot.isEmpty || slot.contains(".") || kept.contains(slot) {
      throw Failure(.usage, "\(of) cannot have a slot '\(slot.printable)'", hint: "give it another name")
    }
    guard Set(Own.slots).count == Own.slots.count else {
      throw Failure(.usage, "\(of) has two slots of one name")
    }
    for (number, usual) in Own.numbers {
      if number.isEmpty || number.contains(".") || ["name", "weightDecay", "clipNorm"].contains(number) {
        throw Failure(
          .usage, "\(of) cannot have a number '\(number.printable)'", hint: "give it another name")
      }
      guard usual.isFinite else {
        throw Failure(.usage, "the usual '\(number.printable)' of \(of) is \(usual)")
      }
    }
  }
}
