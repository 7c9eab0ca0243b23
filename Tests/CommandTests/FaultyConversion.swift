#if os(Linux)
  import Foundation
  import Testing
  import TestSupport

  /// One conversion, done over and over with calls that fail.
  final class FaultyConversion {
    static let source = Fixtures.reference + "/vit_timm_resize/checkpoint.safetensors"
    /// What the older output is made from.
    static let olderSource = Fixtures.reference + "/vit_timm_safetensors/checkpoint.safetensors"

    let output: FaultyOutput
    let isOverOlder: Bool
    /// Where the output lies, and nothing else.
    let folder: String
    let arguments: [String]
    /// The output before, for its readers; empty where there is none.
    private(set) var older: [String: Data] = [:]
    private(set) var new: [String: Data] = [:]
    /// Undisturbed.
    private(set) var reference = Faults.Outcome(status: 0, error: "", calls: [])
    private var outcomes: [String: Int] = [:]
    private let place: TemporaryFolder
    private let input: Data

    init(_ output: FaultyOutput, isOverOlder: Bool) throws {
      (self.output, self.isOverOlder, place) = (output, isOverOlder, try TemporaryFolder())
      folder = place.file("out")
      arguments = output.arguments(Self.source, folder)
      input = try Data(contentsOf: URL(fileURLWithPath: Self.source))
      if isOverOlder {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let made = try Tool.run(output.arguments(Self.olderSource, folder))
        try #require(made.status == 0, "\(made.error)")
        try FileManager.default.moveItem(atPath: folder, toPath: place.file("older"))
      }
      try restore()
      older = try output.seen(Faults.content(folder))
      reference = try run()
      try #require(reference.status == 0, "\(reference.error)")
      new = try output.seen(Faults.content(folder))
      try #require(new != older && !new.isEmpty && older.isEmpty == !isOverOlder)
      // Where the library saw nothing, nothing can be tried.
      let kinds = Set(reference.calls.map(\.kind))
      try #require(kinds.isSuperset(of: ["open", "fsync", "close", "rename"]), "\(kinds)")
      try #require(!kinds.isDisjoint(with: ["write", "pwrite"]), "\(kinds)")
    }

    func run(_ fault: String? = nil) throws -> Faults.Outcome {
      try Faults.run(arguments, watching: folder, fault: fault)
    }

    /// Makes the folder what it was before the conversion.
    func restore() throws {
      try? FileManager.default.removeItem(atPath: folder)
      if isOverOlder {
        try FileManager.default.copyItem(atPath: place.file("older"), toPath: folder)
      } else {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      }
    }

    /// Where faults are tried: everywhere, or at the last call of each kind.
    var points: [Faults.Point] {
      let all = reference.points
      guard !Faults.areAllTried else { return all }
      return all.filter { point in !all.contains { $0.kind == point.kind && $0.number > point.number } }
    }

    func check(_ point: Faults.Point, _ kind: Faults.Kind) throws {
      let what = "\(output)\(isOverOlder ? " over an older one" : ""), \(point):\(kind.rawValue)"
      try restore()
      let outcome = try run("\(point):\(kind.rawValue)")
      #expect(outcome.wasStruck, "\(what): the call did not come")
      let content = try Faults.content(folder)
      let seen = output.seen(content)
      let isNew = seen == new
      #expect(isNew || seen == older, "\(what): neither old nor new: \(content.keys.sorted())")
      #expect(try Data(contentsOf: URL(fileURLWithPath: Self.source)) == input)
      outcomes["\(kind.rawValue): exit \(outcome.status), \(isNew ? "new" : "older")", default: 0] += 1
      let left = output.left(content)
      if let text = kind.text {
        checkError(outcome, text, isNew: isNew, what)
        // What cannot be removed stays; and the older one, where it is not certain that the new one outlasts a power cut.
        let isRemoval = ["unlink", "rmdir"].contains(point.kind)
        let isFlushOfFolder = outcome.calls.contains { $0.wasStruck && $0.path == folder }
        #expect(isRemoval || isFlushOfFolder && isNew || left.isEmpty, "\(what) left \(left)")
      } else {
        #expect(outcome.status == SIGKILL, "\(what)")
      }
      if kind == .kill || !left.isEmpty || Faults.areAllTried { try checkNext(what) }
    }

    /// The next conversion does its work, and tidies up.
    func checkNext(_ what: String) throws {
      let next = try Tool.run(arguments)
      #expect(next.status == 0, "\(what), the next: \(next.error)")
      let content = try Faults.content(folder)
      #expect(output.seen(content) == new, "\(what), the next: \(content.keys.sorted())")
      #expect(output.left(content).isEmpty, "\(what), after the next: \(output.left(content))")
    }

    private func checkError(_ outcome: Faults.Outcome, _ text: String, isNew: Bool, _ what: String) {
      guard outcome.status != 0 else {
        #expect(isNew, "\(what): exit 0, but the output is not the new one")
        return
      }
      #expect(outcome.status == 4, "\(what): exit \(outcome.status), \(outcome.error)")
      #expect(outcome.error.contains(text), "\(what): \(outcome.error)")
      #expect(outcome.error.contains(folder), "\(what): \(outcome.error)")
      #expect(!outcome.error.contains("partial-"), "\(what): \(outcome.error)")
    }

    /// In the long form, what came of it all.
    func tell() {
      guard Faults.areAllTried else { return }
      let text = outcomes.sorted { $0.key < $1.key }.map { "\($0.value) x \($0.key)" }.joined(separator: "; ")
      print(
        "\(output), \(isOverOlder ? "over an older one" : "fresh"): \(reference.calls.count) calls; \(text)")
    }
  }
#endif
