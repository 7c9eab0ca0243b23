import Testing
import VTCore

@testable import VTCheckpoint

/// Pickles opcode by opcode.
struct PickleTests {
  private func run(_ text: String, _ container: PickleMachine.Container = .archive) throws -> PickleWalk {
    // \u{81} is NEWOBJ.
    let bytes = try Bytes(text.unicodeScalars.map { UInt8($0.value) })
    let (machine, value, length) = try PickleMachine.run(bytes, container: container)
    #expect(length == bytes.count)
    return try PickleWalk(machine, value, size: bytes.count)
  }

  /// A tensor of two floats.
  private let tensor =
    #"ctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI2\ntQI0\n(I2\nt(I1\ntI00\nNtR"#
    .replacing(#"\n"#, with: "\n")

  @Test func scriptedObjectsAreTheirAttributes() throws {
    let walk = try run("c__torch__.part\nInner\n)\u{81}}(Va\nK\u{5}Vb\n\(tensor)Vc\n](\(tensor)eub.")
    // `a` is a plain number.
    #expect(walk.tensors.map(\.name) == ["b", "c.0"])
    #expect(walk.others.isEmpty)
  }

  @Test(arguments: [
    ("c__torch__\nM\n(K\u{1}t\u{81}.", "an object with arguments"),
    ("c__torch__\nM\n)\u{81}K\u{1}b.", "an object's attributes"),
    ("cos\nsystem\n)R.", "the file refers to 'os.system'"),
    ("(Ios\nsystem\nios\nsystem\n.", "a number that is none"),
    ("(Vtouch\nios\nsystem\n.", "the file refers to 'os.system'"),
    ("(csubprocess\nPopen\no.", "the file refers to 'subprocess.Popen'"),
    ("Vtorch.serialization\nVos.system\n\u{93}.", "the file refers to 'torch.serialization.os.system'"),
    ("c__builtin__\neval\n.", "the file refers to '__builtin__.eval'"),
    ("cbuiltins\nbytearray\n(I1000000000\ntR.", "a bytearray by its length"),
    ("cbuiltins\nlist\n(cbuiltins\nrange\n(I9\ntRtR.", "a list made of something that is none"),
    ("K\u{1})R.", "a call of something that is not a function"),
    ("K\u{1}}b.", "attributes for something that has none"),
    ("\u{8F}(I1\n\u{90}(I1\n\u{90}](I1\n\u{90}.", "an item for something that is not a set"),
    ("Pos.system\n.", "the opcode 0x50"), ("\u{82}\u{1}.", "the opcode 0x82"),
    ("Vx\np-1\n.", "a place that is not a number"), ("Sx\n.", "a text without its quotes"),
    ("S'\\x4'\n.", "a text with a broken escape"), ("\u{80}\u{6}.", "a pickle of protocol 6"),
  ])
  func othersAreRefused(_ pickle: String, _ problem: String) {
    let failure = #expect(throws: Failure.self) { try run(pickle) }
    #expect(failure?.problem.contains(problem) == true, "\(failure?.problem ?? "")")
  }

  @Test(arguments: [
    "cmy.package\nThing\n", "cmy.package\nThing\n)R", "cmy.package\nThing\n)\u{81}",
    "cmy.package\nThing\n)}\u{92}",
    "(cmy.package\nThing\no", "(imy.package\nThing\n",
    "ccopy_reg\n_reconstructor\n(cmy.package\nThing\nc__builtin__\nobject\nNtR",
    "ccopyreg\n__newobj__\n(cmy.package\nThing\ntR", "cmy.package\nThing\n)\u{81}}(Va\nK\u{1}ub",
    "cmy.package\nThing\n)\u{81}(Va\nK\u{1}u(K\u{2}e",
    "cmy.package\nThing\n)\u{81}(N}t\u{86}b".replacing("\u{86}", with: ""),
    "cbuiltins\ngetattr\n(cmy.package\nThing\n)\u{81}Vstep\ntR",
  ])
  func unknownNamesAreListedAndNeverLookedFor(_ thing: String) throws {
    let walk = try run("}(Vw\n\(tensor)Vx\n\(thing)u.")
    #expect(walk.tensors.map(\.name) == ["w"])
    #expect(walk.others.map(\.name) == ["x"])
    #expect(
      walk.others[0].reason.contains("my.package.Thing") || walk.others[0].reason.contains("builtins.getattr")
    )
  }

  @Test(arguments: ["(#tR", "($tR", "(](#etR"])
  func tensorsThatNeedAnUnknownNameAreRefused(_ call: String) {
    let storage = "(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI2\ntQ"
    let arguments = call.replacing("#", with: tensor).replacing("$", with: storage)
    let failure = #expect(throws: Failure.self) {
      try run("}(Vw\n\(tensor)Vx\ncmy.package\nrebuild\n\(arguments)u.")
    }
    #expect(failure?.problem.contains("'my.package.rebuild'") == true && failure?.tensor == "x")
  }

  @Test func packagesOfTheUsersOwnAreNoDanger() throws {
    let walk = try run("}(Vw\n\(tensor)Vx\ncposixpath\njoin\nVy\nccode.models\nNet\n)\u{81}u.")
    #expect(walk.tensors.map(\.name) == ["w"] && walk.others.map(\.name) == ["x", "y"])
    for name in ["code\ninteract", "os.path\nx", "importlib.util\nfind_spec", "socket\nsocket"] {
      #expect(throws: Failure.self) { try run("c\(name)\n.") }
    }
  }

  @Test func textOfProtocolZeroIsRead() throws {
    let walk = try run(
      "(dp0\nS'a\\'\\x41\\n'\np1\n\(tensor)sVb\\u00e9\n\(tensor)sL5L\n\(tensor)sF1.5\nI01\ns.")
    #expect(walk.tensors.map(\.name) == ["a'A\n", "bé", "5"])
    #expect(walk.others.map(\.name) == ["?"])
  }

  @Test func pythonTwosDictionariesAreRead() throws {
    let walk = try run(
      "ccollections\nOrderedDict\n(](](U\u{1}a\(tensor)etatR.".replacing("etat", with: "eet"))
    #expect(walk.tensors.map(\.name) == ["a"])
  }

  /// Objects may share their attributes; each set is looked at once, so that the budget of visits holds.
  @Test func sharedPartsAreNotGoneThroughOverAndOver() throws {
    // One dictionary of 2,000 entries is the state of 2,000 objects.
    let entries = (0..<2000).map { "Vk\($0)\nN" }.joined()
    let object = "cm\nC\n)\u{81}h\u{0}b"
    let walk = try run("(}q\u{0}(\(entries)u" + String(repeating: object, count: 2000) + "l.")
    #expect(walk.tensors.isEmpty)
    #expect(walk.others.count == 2000 || walk.others.last?.reason.contains("more objects") == true)
  }
}
