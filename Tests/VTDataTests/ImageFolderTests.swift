import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData
@testable import VTTensor

struct ImageFolderTests {
  /// A folder of copies of one small image; files called `.txt` hold text.
  static func make(_ files: [String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let source = Fixtures.reference + "/augment/b.png"
    for file in files {
      let path = folder.file(file)
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      if path.hasSuffix(".txt") {
        try Data("text".utf8).write(to: URL(fileURLWithPath: path))
      } else {
        try FileManager.default.copyItem(atPath: source, toPath: path)
      }
    }
    return folder
  }

  static func numbered(_ folder: String, _ count: Int) -> [String] {
    (0..<count).map { "\(folder)/\($0).png" }
  }

  @Test func splitsEachClassWithAFixedSeed() throws {
    let folder = try Self.make(Self.numbered("cat", 10) + Self.numbered("dog", 5) + ["owl/0.PNG"])
    let a = try ImageFolder(folder.path, validationFraction: 0.2, seed: 3)
    let b = try ImageFolder(folder.path, validationFraction: 0.2, seed: 3)
    let c = try ImageFolder(folder.path, validationFraction: 0.2, seed: 4)
    #expect(a.classes == ["cat", "dog", "owl"])
    #expect(a.training == b.training && a.validation == b.validation)
    #expect(a.validation != c.validation)
    #expect((0..<3).map { label in a.validation.count { $0.label == label } } == [2, 1, 0])
    #expect(Set((a.training + a.validation).map(\.id)).count == 16)
  }

  @Test func readsTrainAndValFolders() throws {
    let folder = try Self.make(
      Self.numbered("train/a", 3) + Self.numbered("train/b", 2) + Self.numbered("val/b", 2)
        + ["train/.hidden/x.png", "train/a/notes.txt"])
    let set = try ImageFolder(folder.path)
    #expect(set.classes == ["a", "b"] && set.training.count == 5 && set.validation.count == 2)
    #expect(set.validationFolder == "val" && set.test.isEmpty)
    #expect(
      set.remarks.warnings == [
        "there are no validation images of a: the accuracy does not cover it",
        "1 file is not a JPEG, PNG, WebP, BMP, TIFF or GIF image and was not used, the first: \(folder.path)/train/a/notes.txt",
      ])
    let evaluation = try EvaluationSet(folder.path, classes: ["a", "b", "c"])
    #expect(evaluation.samples.map(\.label) == [1, 1] && evaluation.source == "val/")
  }

  @Test func mistakesAreExplained() throws {
    func message(_ files: [String]) throws -> String {
      let folder = try Self.make(files)
      let failure = #expect(throws: Failure.self) { try ImageFolder(folder.path) }
      return failure?.problem ?? ""
    }
    #expect(try message(["readme.txt"]) == "no images found")
    #expect(try message(["a/1.png"]) == "only one class ('a'); classification needs at least two")
    #expect(try message(["train/a/1.png", "train/b/1.txt"]) == "classes without training images (b)")
    #expect(
      try message(["train/a/1.png", "train/b/1.png", "val/c/1.png"])
        == "the validation set has classes that the training set lacks (c)")
    let missing = #expect(throws: Failure.self) { try ImageFolder("/nowhere") }
    #expect(missing?.problem == "no such file or folder")
    let folder = try Self.make(["a/1.png", "b/1.png"])
    let other = #expect(throws: Failure.self) {
      try EvaluationSet(folder.path, classes: ["a"])
    }
    #expect(other?.problem == "the folder has classes that the network lacks (b)")
  }

  @Test func batchesDependOnNothingButTheirIndex() throws {
    let folder = try Self.make(Self.numbered("a", 7) + Self.numbered("b", 6))
    try Data("broken".utf8).write(to: URL(fileURLWithPath: folder.file("a/3.png")))
    let set = try ImageFolder(folder.path, validationFraction: 0)
    let steps = Preprocessing(imageSize: 16)
    func batches(first: Int, threads: Int, dropsLast: Bool = false, stackSize: Int = 4 << 20) -> [Batch] {
      let loader = BatchLoader(
        items: set.training, of: set, batchSize: 4, preprocessing: steps, first: first,
        dropsLast: dropsLast, threads: threads, ahead: 2, stackSize: stackSize
      ) { file, position in
        .pixels(try Augmentation().image(file, steps, SampleKey(seed: 1, epoch: 0, index: position)))
      }
      var result: [Batch] = []
      while let batch = loader.next() { result.append(batch) }
      return result
    }
    let all = batches(first: 0, threads: 1)
    #expect(all.map(\.count) == [3, 4, 4, 1])
    #expect(all[0].failures.first?.file?.hasSuffix("a/3.png") == true)
    #expect(all[0].positions == [0, 1, 2] && all[0].labels == [0, 0, 0])
    #expect(batches(first: 0, threads: 3).map(\.images) == all.map(\.images))
    #expect(batches(first: 2, threads: 2).map(\.images) == all[2...].map(\.images))
    #expect(batches(first: 0, threads: 2, dropsLast: true).count == 3)
    // A system that refuses every thread.
    #expect(batches(first: 0, threads: 2, stackSize: 1 << 50).map(\.images) == all.map(\.images))
    #expect(all[1].images != all[2].images)
  }
}
