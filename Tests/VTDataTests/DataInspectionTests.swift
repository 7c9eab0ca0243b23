import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData

struct DataInspectionTests {
  private static let picture = Fixtures.root + "/fixtures/clipart/val"

  @Test func countsSizesAndDuplicatesAreFound() throws {
    let folder = try TemporaryFolder()
    let files = FileManager.default
    let animals = try files.contentsOfDirectory(atPath: Self.picture + "/animals").sorted()
      .map { Self.picture + "/animals/" + $0 }
    let flags = try files.contentsOfDirectory(atPath: Self.picture + "/flags").sorted()
      .map { Self.picture + "/flags/" + $0 }
    func place(_ source: String, _ name: String) throws {
      let path = folder.file(name)
      try files.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try files.copyItem(atPath: source, toPath: path)
    }
    try place(animals[0], "train/a/0.png")
    try place(animals[1], "train/a/1.png")
    try place(flags[0], "train/b/0.png")
    // The same in another class, and in another set.
    try place(animals[0], "train/b/same.png")
    try place(animals[1], "test/a/same.png")
    try Data("no image".utf8).write(to: URL(fileURLWithPath: folder.file("train/a/bad.png")))
    // Another size, saved anew.
    let image = try Image.load(animals[0]).resized(width: 90, height: 80, .bicubic)
    let png = Data(try PNGEncoder.encode(width: 90, height: 80, pixels: image.pixels))
    try files.createDirectory(atPath: folder.file("test/b"), withIntermediateDirectories: true)
    try png.write(to: URL(fileURLWithPath: folder.file("test/b/like.png")))

    let data = try DataInspection(folder.path)
    #expect(data.classes == ["a", "b"] && data.parts.map(\.title) == ["train/", "test/"])
    #expect(data.parts.map { $0.counts(2) } == [[3, 2], [1, 1]])
    let check = ImageCheck(data, threads: 2) { _ in }
    func name(_ place: ImageCheck.Place) -> String {
      data.parts[place.part].title + data.classes[data.parts[place.part].samples[place.index].label] + "/"
        + data.parts[place.part].samples[place.index].name
    }
    #expect(check.unreadable.map(\.file) == [folder.file("train/a/bad.png")])
    #expect(check.sizes.values.reduce(0, +) == 6 && check.sizes[.init(width: 90, height: 80)] == 1)
    #expect(
      check.duplicates.map { $0.map(name) } == [
        ["train/a/0.png", "train/b/same.png"], ["train/a/1.png", "test/a/same.png"],
      ])
    #expect(check.alike.map { name($0.second) } == ["test/b/like.png"])
    #expect(check.alike.map { name($0.first) } == ["train/a/0.png"])
  }

  @Test func pagesGetTheSamePixels() throws {
    let image = try Image.load(Fixtures.reference + "/augment/b.png")
    let png = try PNGEncoder.encode(width: image.width, height: image.height, pixels: image.pixels)
    #expect(try Image.decode(Data(png)) == image)
  }

  @Test func differentPicturesAreNotAlike() throws {
    // The sets have no picture in common.
    let data = try DataInspection(Fixtures.root + "/fixtures/runs/images")
    let check = ImageCheck(data, threads: 2) { _ in }
    #expect(check.unreadable.isEmpty && check.duplicates.isEmpty && check.alike.isEmpty)
  }

  @Test func everyKindOfDataSetIsInspected() throws {
    for name in [
      "cifar-10-batches-py", "svhn", "arrays/bloodmnist.npz", "lists/sets.csv", "archives/tree.zip",
      "shards/numbers", "flowers", "domainnet/clipart", "imagenet/whole",
    ] {
      let data = try DataInspection(DataSetFixtures.root + "/" + name)
      let check = ImageCheck(data, threads: 2) { _ in }
      #expect(check.unreadable.isEmpty && check.sizes.values.reduce(0, +) == data.samples.count, "\(name)")
      #expect(data.parts.count >= 2)
    }
  }
}
