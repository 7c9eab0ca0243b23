import Testing

@testable import Checkpoint

/// Pickles of scripted objects, opcode by opcode.
struct PickleTests {
  private func run(_ text: String) throws -> (machine: PickleMachine, value: PickleValue) {
    // \u{81} is NEWOBJ.
    try PickleMachine.run(text.unicodeScalars.map { UInt8($0.value) })
  }

  @Test func scriptedObjectsAreTheirAttributes() throws {
    let (machine, value) = try run(
      "c__torch__.part\nInner\n)\u{81}}(X\u{1}\0\0\0aK\u{5}X\u{1}\0\0\0b}X\u{1}\0\0\0c]ub.")
    guard case .dict(let place) = value else {
      Issue.record("\(value)")
      return
    }
    let keys = machine.dictionaries[place].map { item in
      if case .string(let key) = item.key { key } else { "?" }
    }
    // `a` is a plain number.
    #expect(keys == ["b", "c"])
  }

  @Test(arguments: [
    ("c__torch__\nM\n(K\u{1}t\u{81}.", "an object with arguments"),
    ("c__torch__\nM\n)\u{81}K\u{1}b.", "an object's attributes"),
    ("c__torch__x\nM\n)\u{81}}b.", "the file refers to '__torch__x.M'"),
    ("cos\nsystem\n)R.", "the file refers to 'os.system'"),
  ])
  func othersAreRefused(_ pickle: String, _ problem: String) {
    let failure = #expect(throws: Failure.self) { try run(pickle) }
    #expect(failure?.problem.contains(problem) == true, "\(failure?.problem ?? "")")
  }
}
