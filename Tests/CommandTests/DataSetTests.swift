import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// Data sets that are no folders of images, as the commands treat them.
@Suite(.serialized)
struct DataSetTests {
  static let root = Fixtures.root + "/fixtures/data-sets/"

  /// Sources of every kind: pixels in memory, files in lists, members of archives.
  @Test(arguments: [
    "svhn", "cifar-100-python#coarse", "arrays/bloodmnist.npz", "lists/sets.csv", "archives/tree.zip",
    "archives/tree-gnu.tar.gz", "shards/numbers/{train-000000,train-000001,val-000000}.tar", "flowers",
    "domainnet/sketch", "imagenet/pieces",
  ])
  func networksAreTunedResumedAndMeasured(_ name: String) throws {
    let folder = try TemporaryFolder()
    let data = Self.root + name
    let run = folder.file("run")
    let outcome = try ImagesTests.tune(data, run, ["--export", folder.file("tuned.npz")])
    #expect(outcome.status == 0, "\(outcome.error)")
    let whole = folder.file("whole")
    #expect(try ImagesTests.tune(data, whole, ["--epochs", "2"]).status == 0)
    // Another way to say where it lies, and an end that was not planned.
    let resumed = try Tool.run("finetune", "--resume", run, "--data", data, "--epochs", "2", "--json")
    #expect(resumed.status == 0, "\(resumed.error)")
    let best = folder.file("tuned.npz")
    let measured = try Tool.run("evaluate", "--checkpoint", best, "--data", data, "--json")
    #expect(measured.status == 0, "\(measured.error)")
    let json = try JSON(parsing: Data(measured.output.utf8))
    #expect(json["count"]?.int ?? 0 > 0 && json["skipped"]?.int == 0)
    // Training images are known again.
    #expect(!(json["warnings"]?.array ?? []).contains { $0.string?.contains("was trained on") == true })
    let listing = try String(contentsOfFile: run + "/pictures.jsonl", encoding: .utf8)
    #expect(listing.contains("[\"train\"") && listing.contains("[\"val\""))
    let page = try String(contentsOfFile: run + "/report.html", encoding: .utf8)
    #expect(!page.contains("src=\"\""))
  }

  @Test func whatADataSetHoldsIsSaid() throws {
    let outcome = try Tool.run("data", Self.root + "archives/tree.zip")
    #expect(outcome.status == 0)
    #expect(outcome.output.hasPrefix("folders of images by class in a zip archive: "))
    #expect(outcome.output.contains("sizes: all 8 x 6 pixels\nunreadable: none\n"))
    #expect(outcome.error.contains("notes.txt"))
    let json = try JSON(parsing: Data(Tool.run("data", Self.root + "lists/sets.csv", "--json").output.utf8))
    #expect(json["classes"]?.array?.compactMap(\.string) == ["cat", "dog, big"])
    #expect(json["sets"]?.array?.compactMap { $0["name"]?.string } == ["train", "test"])
    #expect(json["warnings"]?.array?.count == 1)
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("a"), withIntermediateDirectories: true)
    try Data("x".utf8).write(to: URL(fileURLWithPath: folder.file("a/1.png")))
    let image = Fixtures.reference + "/augment/b.png"
    try FileManager.default.copyItem(atPath: image, toPath: folder.file("a/2.png"))
    try FileManager.default.copyItem(atPath: image, toPath: folder.file("a/3.png"))
    let broken = try Tool.run("data", folder.path)
    #expect(broken.status == 0 && broken.output.contains("unreadable: 1 image\n  not a JPEG, PNG"))
    #expect(
      broken.output.contains("exact duplicates: 1 image of the same content as another; 0 groups across sets")
    )
  }

  @Test func aSheetShowsWhatTrainingSees() throws {
    let folder = try TemporaryFolder()
    let sheet = folder.file("sheet.html")
    let data = Fixtures.root + "/fixtures/runs/images"
    let outcome = try Tool.run("data", data, "--sheet", sheet, "--image-size", "24", "--min-crop", "0.5")
    #expect(outcome.status == 0 && outcome.output == "sheet: \(sheet)\n", "\(outcome.error)")
    let page = try String(contentsOfFile: sheet, encoding: .utf8)
    #expect(page.components(separatedBy: "data:image/png;base64,").count == 1 + 12 * 7)
    #expect(!page.contains("http") && page.contains("24 x 24 pixels"))
    let again = try Tool.run("data", data, "--sheet", sheet)
    #expect(again.status == 2 && again.error.contains("--force"), "\(again.error)")
    let other = folder.file("other.html")
    #expect(
      try Tool.run("data", data, "--sheet", other, "--image-size", "24", "--min-crop", "0.5", "--no-flip")
        .status == 0)
    #expect(try String(contentsOfFile: other, encoding: .utf8) != page)
  }

  @Test(arguments: [
    ("hostile/outside.tar", 3, "leads outside the archive"),
    ("hostile/large.tar", 3, "ends before its member does"),
    ("arrays/floats.npz", 3, "only bytes (uint8) are read"),
    ("domainnet", 2, "several domains: clipart, sketch"),
    ("svhn/train_32x32.mat", 2, "give its folder"),
    ("cifar-10-batches-bin/batches.meta.txt", 3, "not a data set that is known"),
    ("shards/none-*.tar", 3, "no file has such a name"), ("make.py", 3, "not a data set that is known"),
  ])
  func damagedAndAmbiguousSetsAreNamed(_ name: String, _ status: Int, _ message: String) throws {
    for command in [["data"], ["evaluate", "--checkpoint", ImagesTests.checkpoint, "--data"]] {
      let outcome = try Tool.run(command + [Self.root + name])
      #expect(Int(outcome.status) == status && outcome.error.contains(message), "\(outcome.error)")
      #expect(outcome.error.contains("data-sets/"))
    }
  }
}
