import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData

/// Data sets that are archives: folders by class in tar and zip, WebDataset's shards.
struct ArchiveDataSetTests {
  @Test(arguments: ["tree.zip", "tree.tar", "tree-gnu.tar.gz", "tree-ustar.tar"])
  func archivesAreReadAsFoldersAre(_ name: String) throws {
    let set = try DataSetFixtures.open("archives/" + name)
    #expect(set.classes == ["cat", "dog"] && set.validationFolder == "val")
    #expect(set.training.map(\.label) == [0, 0, 1, 1] && set.validation.map(\.label) == [0, 1])
    #expect(set.training[1].name == "deep/2.png" || set.training[0].name == "deep/2.png")
    let order = set.training.sorted { $0.id < $1.id }
    try DataSetFixtures.expect(order, of: set, are: [110, 111, 112, 115], 8, 6)
    try DataSetFixtures.expect(set.validation, of: set, are: [113, 114], 8, 6)
    let warnings = set.remarks.warnings
    #expect(warnings.contains { $0.hasPrefix("1 file is not a JPEG") && $0.hasSuffix("train/dog/notes.txt") })
    #expect(warnings.contains { $0.hasPrefix("1 image lies outside the class folders") })
    #expect(warnings.contains { $0.contains("(a link)") } == (name != "tree.zip"))
  }

  @Test func damagedArchivesAreNamed() throws {
    let folder = try TemporaryFolder()
    for (name, steps) in [("tree.zip", 40), ("tree.tar", 700), ("tree-gnu.tar.gz", 30)] {
      let whole = try Data(contentsOf: URL(fileURLWithPath: DataSetFixtures.root + "/archives/" + name))
      let path = folder.file(name)
      for length in stride(from: 600, to: whole.count * 2 / 3, by: steps) {
        try whole.prefix(length).write(to: URL(fileURLWithPath: path))
        // A tar archive that ends between members looks whole.
        do { _ = try ImageFolder(path, validationFraction: 0) } catch {
          let failure = try #require(error as? Failure)
          #expect(failure.file != nil && failure.kind == .badInput, "\(failure)")
        }
      }
      for at in stride(from: 0, to: whole.count, by: steps) {
        var changed = whole
        changed[at] ^= 0x81
        try changed.write(to: URL(fileURLWithPath: path))
        guard let set = try? ImageFolder(path, validationFraction: 0) else { continue }
        for sample in set.samples { _ = try? set.image(of: sample).image() }
      }
    }
  }

  @Test(arguments: [
    ("outside.tar", "leads outside the archive"), ("outside.zip", "leads outside the archive"),
    ("large.tar", "the archive ends before its member does"),
  ])
  func hostileArchivesAreRefused(_ name: String, _ message: String) throws {
    let failure = try DataSetFixtures.failure(DataSetFixtures.root + "/hostile/" + name)
    #expect(failure.problem.contains(message) && failure.kind == .badInput && failure.file != nil)
  }

  @Test func aRootOfTestImagesAloneIsMeasured() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("test.tar")
    let image = try Data(contentsOf: URL(fileURLWithPath: DataSetFixtures.root + "/lists/images/5.png"))
    try TarWriting.archive([("test/a/1.png", image), ("test/b/2.png", image)]).write(
      to: URL(fileURLWithPath: path))
    #expect(try EvaluationSet(path, classes: nil).samples.map(\.label) == [0, 1])
    #expect(try DataSetFixtures.failure(path).problem == "there are no training images, only test")
  }

  @Test func shardsHoldImagesWithTheirLabels() throws {
    let root = DataSetFixtures.root + "/shards/numbers"
    for path in [root, root + "/{train-000000,train-000001,val-000000}.tar", root + "/*.tar"] {
      let set = try ImageFolder(path)
      #expect(set.kind == "WebDataset, 3 shards" && set.classes == ["cat", "dog"])
      #expect(set.training.map(\.label) == [0, 1, 1] && set.validation.map(\.label) == [1, 0])
      try DataSetFixtures.expect(set.training, of: set, are: [120, 121, 122], 8, 6)
      try DataSetFixtures.expect(set.validation, of: set, are: [123, 124], 8, 6)
      #expect(set.remarks.notes.contains { $0.hasPrefix("1 class of classnames.txt has no images") })
      #expect(
        set.remarks.notes.contains { $0.hasPrefix("5 members of the shards are neither image nor label") })
      #expect(set.training[0].name == "train-000000.tar/000120.png")
    }
    let two = try ImageFolder(root + "/train-{000000..000001}.tar", validationFraction: 0)
    #expect(two.training.count == 3 && two.validationFolder == nil)
    let one = try ImageFolder(root + "/train-000000.tar", validationFraction: 0)
    #expect(one.training.count == 2)
  }

  @Test func shardsMayHaveFoldersAndNames() throws {
    let set = try DataSetFixtures.open("shards/names")
    #expect(set.classes == ["blue", "red"] && set.training.map(\.label) == [1, 0])
    #expect(set.validationFolder == "test" && set.validation.map(\.label) == [1])
    #expect(try set.image(of: set.validation[0]).image().width == 16)
  }

  @Test(arguments: [
    (["a.png", "a.cls", "b.png"], "1 image has no label and was not used"),
    (["a.png", "a.cls", "b.cls"], "1 label has no image and was not used"),
  ])
  func whatIsIncompleteIsTold(_ members: [String], _ warning: String) throws {
    let folder = try TemporaryFolder()
    let image = try Data(contentsOf: URL(fileURLWithPath: DataSetFixtures.root + "/lists/images/5.png"))
    let path = folder.file("x.tar")
    try TarWriting.archive(members.map { ($0, $0.hasSuffix("png") ? image : Data("0".utf8)) })
      .write(to: URL(fileURLWithPath: path))
    let set = try EvaluationSet(path, classes: nil)
    #expect(set.samples.count == 1 && set.remarks.warnings.contains { $0.contains(warning) })
  }

  @Test(arguments: [
    ("a.cls", "-1", "the label 'a.cls' is -1"), ("a.cls", "", "the label 'a.cls' is not text"),
    ("a.json", "{", "'a.json': malformed JSON"),
    ("a.json", "{\"label\": -3}", "the label 'a.json' is -3"),
    ("a.cls", "7", "the label 7 is not among the 2 class names"),
  ])
  func labelsThatMakeNoSenseAreNamed(_ name: String, _ text: String, _ message: String) throws {
    let folder = try TemporaryFolder()
    let image = try Data(contentsOf: URL(fileURLWithPath: DataSetFixtures.root + "/lists/images/5.png"))
    try DataSetFixtures.write("one\ntwo\n", to: folder.file("classes.txt"))
    let path = folder.file("x.tar")
    try TarWriting.archive([("a.png", image), (name, Data(text.utf8))]).write(to: URL(fileURLWithPath: path))
    let failure = try DataSetFixtures.failure(path)
    #expect(failure.problem.contains(message) && failure.kind == .badInput, "\(failure)")
  }

  @Test func patternsAreChecked() throws {
    let root = DataSetFixtures.root + "/shards/numbers/"
    #expect(try DataSetFixtures.failure(root + "train-{0..x}.tar").kind == .usage)
    #expect(try DataSetFixtures.failure(root + "train-{0..999999999}.tar").kind == .usage)
    #expect(try DataSetFixtures.failure(root + "train-{000000.tar").kind == .usage)
    #expect(try DataSetFixtures.failure(root + "none-*.tar").problem == "no file has such a name")
    #expect(
      try DataSetFixtures.failure(root + "train-{000000..000002}.tar").file?.hasSuffix("000002.tar") == true)
    #expect(try ShardPattern.paths("a{08..11}b{x,y}.tar")?.count == 8)
    #expect(try ShardPattern.paths("a{08..11}.tar")?.first == "a08.tar")
    #expect(try ShardPattern.paths("plain.tar") == nil)
  }
}

/// Tar archives of a test's own.
enum TarWriting {
  static func archive(_ members: [(name: String, content: Data)]) -> Data {
    var out = Data()
    for (name, content) in members {
      var header = [UInt8](repeating: 0, count: 512)
      func put(_ text: String, at offset: Int) {
        header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
      }
      put(name, at: 0)
      put("0000644\0" + "0000000\0" + "0000000\0", at: 100)
      let size = String(content.count, radix: 8)
      put(
        String(repeating: "0", count: 11 - size.count) + size + "\0" + "00000000000\0" + "        0", at: 124)
      put("ustar\u{0}00", at: 257)
      let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
      put(String(repeating: "0", count: 6 - sum.count) + sum + "\0 ", at: 148)
      out += header + content + Data(count: (512 - content.count % 512) % 512)
    }
    return out + Data(count: 1024)
  }
}
