import Foundation
import TestSupport
import Testing
import VTCheckpoint
import VTCore

/// A folder of `fixtures/reference` is a case by its `case.json` alone: nothing lists it, so nothing may be missing in it.
struct ReferenceFolderTests {
  @Test(arguments: ReferenceCase.names)
  func everyFolderHoldsAWholeCase(_ name: String) throws {
    let reference = try ReferenceCase(name)
    let document = reference.document
    switch reference.kind {
    case .network: try expectNetwork(reference, [])
    case .drlocModel:
      try expectNetwork(reference, ["grid", "drloc_pred", "loss_total", "grad_norm"])
      try expectArrays(reference, startingWith: "grad/")
    case .trainSteps:
      try expectNetwork(reference, ["lr", "loss", "grad_norm"], logits: false)
      try expectArrays(reference, startingWith: "final/")
      #expect(document["final_tolerance"]?["value"]?.members?.isEmpty == false)
    case .resizedNetwork: try expectNetwork(reference, ["tokens"])
    case .networkSizes:
      #expect(try ReferenceCase(document["of"]?.string ?? "").kind == .network)
      let sizes = document["sizes"]?.array?.compactMap(\.int) ?? []
      #expect(!sizes.isEmpty)
      try expectArrays(reference, sizes.flatMap { ["input_\($0)", "logits_\($0)"] })
    case .hostileArchives:
      let expected = try JSON(
        parsing: Data(contentsOf: URL(fileURLWithPath: reference.folder + "/expected.json")))
      let files = try FileManager.default.contentsOfDirectory(atPath: reference.folder + "/files")
      #expect(Set(expected["files"]?.members?.map(\.key) ?? []) == Set(files.map { "files/" + $0 }))
    case .files: try expectReaders(reference)
    }
  }

  /// What made a case: a script of ours, which names it, or what was given and cannot be made again.
  @Test(arguments: ReferenceCase.names)
  func everyCaseSaysWhatMadeIt(_ name: String) throws {
    let document = try ReferenceCase(name).document
    let (script, given) = (document["made_by"]?.string, document["given"]?.string)
    #expect((script == nil) != (given == nil))
    if let script {
      let text = try String(contentsOfFile: Fixtures.root + "/" + script, encoding: .utf8)
      #expect(try text.contains(Regex("\\b\(name)\\b")), "\(script)")
    }
  }

  /// A parametrized test without arguments passes without running.
  @Test(arguments: ReferenceCase.Kind.allCases)
  func everyKindHasACase(_ kind: ReferenceCase.Kind) {
    #expect(!ReferenceCase.names(kind).isEmpty)
  }

  private func expectNetwork(_ reference: ReferenceCase, _ arrays: [String], logits: Bool = true) throws {
    #expect(!reference.architecture.isEmpty && !reference.dialect.isEmpty)
    #expect(reference.configuration.members?.isEmpty == false)
    for key in reference.texts("cannot_show") { #expect(reference.configuration[key] != nil, "\(key)") }
    #expect(try CheckpointFile.open(reference.checkpointPath()).count > 0)
    try expectArrays(reference, ["input"] + (logits ? ["logits"] : []) + arrays)
  }

  private func expectArrays(_ reference: ReferenceCase, _ names: [String]) throws {
    let arrays = try reference.arrays()
    for name in names { #expect(arrays[name].map { $0.elementCount > 0 } == true, "\(name)") }
  }

  private func expectArrays(_ reference: ReferenceCase, startingWith prefix: String) throws {
    #expect(try reference.arrays().names.contains { $0.hasPrefix(prefix) }, "\(prefix)")
  }

  /// Files without a form of their own: the case names its readers, and they name it.
  private func expectReaders(_ reference: ReferenceCase) throws {
    for file in reference.texts("outputs") {
      #expect(FileManager.default.fileExists(atPath: reference.folder + "/" + file), "\(file)")
    }
    #expect(reference.document["outputs"]?.array != nil)
    let readers = reference.texts("read_by")
    #expect(!readers.isEmpty)
    for reader in readers {
      let text = try String(contentsOfFile: Fixtures.root + "/" + reader, encoding: .utf8)
      // In quotes, or as a part of a path.
      #expect(try text.contains(Regex("[\"/]\(reference.name)[\"/]")), "\(reader)")
    }
  }
}
