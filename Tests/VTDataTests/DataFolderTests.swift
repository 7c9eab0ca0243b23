import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData

/// Data folders as people have them: several sets, other systems' names, folders inside folders.
struct DataFolderTests {
  static func numbered(_ folder: String, _ count: Int) -> [String] {
    ImageFolderTests.numbered(folder, count)
  }

  static func make(_ files: [String]) throws -> TemporaryFolder { try ImageFolderTests.make(files) }

  /// A folder whose name is given in bytes.
  static func copy(_ image: String, to path: [UInt8]) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: image))
    let slash = path.lastIndex(of: UInt8(ascii: "/"))!
    mkdir((path[..<slash] + [0]).map { CChar(bitPattern: $0) }, 0o755)
    let file = open((path + [0]).map { CChar(bitPattern: $0) }, O_WRONLY | O_CREAT, 0o644)
    try #require(file >= 0)
    data.withUnsafeBytes { _ = write(file, $0.baseAddress, $0.count) }
    close(file)
  }

  @Test func testImagesAreNotValidationImages() throws {
    let folder = try Self.make(
      ["train", "valid", "val", "test", "validation"].flatMap { set in
        Self.numbered(set + "/a", 3) + Self.numbered(set + "/b", set == "test" ? 1 : 2)
      })
    let set = try ImageFolder(folder.path)
    #expect(set.validationFolder == "val" && set.validation.count == 5)
    #expect(set.testFolder == "test" && set.test.count == 4)
    #expect(set.remarks.warnings == ["folders beside train/ were not used: valid, validation"])
    let chosen = try ImageFolder(folder.path, usesTestSplit: true)
    #expect(chosen.validationFolder == "test" && chosen.test.isEmpty && chosen.testFolder == nil)
    #expect(try EvaluationSet(folder.path, classes: nil).source == "val/")
    #expect(try EvaluationSet(folder.path, classes: nil, usesTestSplit: true).samples.count == 4)
    try FileManager.default.removeItem(atPath: folder.file("val"))
    #expect(try ImageFolder(folder.path).validationFolder == "valid")
    try FileManager.default.removeItem(atPath: folder.file("valid"))
    try FileManager.default.removeItem(atPath: folder.file("validation"))
    let alone = try ImageFolder(folder.path)
    #expect(alone.validationFolder == "test" && alone.test.isEmpty)
    #expect(alone.remarks.notes == ["test/ is the validation set, since there is no val/"])
    try FileManager.default.removeItem(atPath: folder.file("test"))
    #expect(throws: Failure.self) { try ImageFolder(folder.path, usesTestSplit: true) }
    #expect(throws: Failure.self) { try EvaluationSet(folder.path, classes: nil, usesTestSplit: true) }
  }

  /// A class may be called as sets are, and sets are written in capitals.
  @Test func setsAreToldFromClasses() throws {
    let vehicles = try Self.make(Self.numbered("train", 3) + Self.numbered("plane", 3))
    #expect(try ImageFolder(vehicles.path).classes == ["plane", "train"])
    let capitals = try Self.make(
      ["Training", "Testing"].flatMap { Self.numbered($0 + "/a", 2) + Self.numbered($0 + "/b", 2) })
    let set = try ImageFolder(capitals.path)
    #expect(set.classes == ["a", "b"] && set.validationFolder == "Testing")
    let stray = try Self.make(["train/cover.png", "train/a/0.png", "train/b/0.png", "val/a/0.png"])
    let ambiguous = #expect(throws: Failure.self) { try ImageFolder(stray.path) }
    #expect(ambiguous?.problem.contains("it may be a set or a class") == true)
    let folds = try Self.make(
      ["fold1", "fold2"].flatMap { Self.numbered($0 + "/a", 2) + Self.numbered($0 + "/b", 2) })
    let failure = #expect(throws: Failure.self) { try ImageFolder(folds.path) }
    #expect(failure?.problem.contains("look like sets, not classes") == true)
  }

  @Test func foldersInsideAClassBelongToIt() throws {
    let folder = try Self.make(
      Self.numbered("red", 2) + Self.numbered("red/scarlet", 3) + Self.numbered("red/scarlet/dark", 1)
        + ["red/.hidden/x.png", "red/__MACOSX/y.png", "red/Thumbs.db", "blue/0.png", "outside.png"])
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("red/scarlet/up"), withDestinationPath: "..")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("red/again"), withDestinationPath: "scarlet")
    let set = try ImageFolder(folder.path, validationFraction: 0)
    let red = set.training.filter { $0.label == 1 }
    #expect(Set(red.map(\.id)).count == red.count && red.count == 6)
    #expect(red.contains { $0.name.hasSuffix("dark/0.png") })
    #expect(
      set.remarks.warnings
        == [
          "1 image lies outside the class folders and was not used, the first: \(folder.path)/outside.png"
        ])
  }

  /// A Mac's archive spells names decomposed, other systems composed.
  @Test func classesCompareAsUnicodeDoes() throws {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    let folder = try Self.make(
      Self.numbered("train/" + decomposed, 3) + Self.numbered("train/z", 3)
        + Self.numbered("val/" + composed, 2))
    let set = try ImageFolder(folder.path)
    #expect(set.classes.map { Array($0.utf8) } == [composed, "z"].map { Array($0.utf8) })
    #expect(set.validation.map(\.label) == [0, 0])
    #expect(try EvaluationSet(folder.path, classes: ["z", decomposed]).samples.map(\.label) == [1, 1])
    let both = try Self.make(
      Self.numbered(composed, 2) + Self.numbered(decomposed, 3) + Self.numbered("z", 1))
    let merged = try ImageFolder(both.path, validationFraction: 0)
    #expect(merged.classes == [composed, "z"] && merged.training.count == 6)
    #expect(merged.remarks.warnings.first?.contains("they are one class") == true)
  }

  @Test func namesThatAreNotUTF8AreRead() throws {
    let folder = try Self.make(Self.numbered("blue", 2) + Self.numbered("red", 2))
    let image = Fixtures.reference + "/augment/b.png"
    let root = Array(folder.path.utf8)
    try Self.copy(image, to: root + Array("/red/na".utf8) + [0xEF] + Array("ve.png".utf8))
    try Self.copy(image, to: root + Array("/rouge".utf8) + [0xE9] + Array("/0.png".utf8))
    let set = try ImageFolder(folder.path, validationFraction: 0)
    #expect(set.classes == ["blue", "red", "rouge\\xE9"])
    #expect(set.training.map(\.label) == [0, 0, 1, 1, 1, 2])
    #expect(
      set.remarks.warnings
        == ["the name of the class folder 'rouge\\xE9' is not UTF-8: the class is called that"])
    for item in set.training { _ = try Image.load(item.id) }
    #expect(set.training[4].id.printable.hasSuffix("red/na\\xEFve.png"))
  }

  @Test(
    arguments: [
      [0x61, 0xC3, 0xA9], [0xFF], [0xE9, 0x62], [0xEE, 0xBE, 0x80], [0xF0, 0x9F, 0xA6, 0x8A, 0xF0],
      [0xC0, 0x80],
      [0xED, 0xA0, 0x80, 0x41],
    ] as [[UInt8]])
  func fileNamesGoBothWays(_ bytes: [UInt8]) {
    #expect(String(fileBytes: bytes).fileBytes == bytes)
  }

  @Test func classesOfTheSameNameAreRefused() throws {
    let folder = try Self.make(Self.numbered("crane", 2) + Self.numbered("heron", 2))
    #expect(try EvaluationSet(folder.path, classes: ["heron", "crane", "x", "x"]).samples.count == 4)
    let failure = #expect(throws: Failure.self) {
      try EvaluationSet(folder.path, classes: ["heron", "crane", "crane"])
    }
    #expect(failure?.problem == "two of the network's classes are called 'crane'")
  }

  @Test func filesAreKnownByTheirContent() throws {
    let folder = try Self.make(["a/1", "a/2.dat", "a/3.png", "a/4.txt", "b/0.png"])
    for (name, text) in [("a/4.txt", "notes"), ("a/5.svg", "<svg/>"), ("a/6.nef", "II*\u{0}raw")] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file(name)))
    }
    let set = try ImageFolder(folder.path, validationFraction: 0)
    #expect(set.training.map(\.name) == ["1", "2.dat", "3.png", "0.png"])
    #expect(
      set.remarks.warnings == [
        "3 files are not JPEG, PNG, WebP, BMP, TIFF or GIF images and were not used, the first: \(folder.path)/a/4.txt"
      ])
    for name in ["b/0.png", "b/1.jpg"] {
      try Data("<html>".utf8).write(to: URL(fileURLWithPath: folder.file(name)))
    }
    let failure = #expect(throws: Failure.self) { try ImageFolder(folder.path) }
    #expect(failure?.problem.hasPrefix("none of the 2 files in the folder is a JPEG, PNG") == true)
    #expect(failure?.file == folder.file("b"))
  }
}
