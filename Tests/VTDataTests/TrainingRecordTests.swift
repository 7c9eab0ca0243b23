import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData

/// What a tuned file knows of the images it was trained on.
struct TrainingRecordTests {
  /// Two classes of ten different images.
  static func make() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let image = try Data(contentsOf: URL(fileURLWithPath: Fixtures.reference + "/augment/b.png"))
    for (label, name) in ["a", "b"].enumerated() {
      try FileManager.default.createDirectory(
        atPath: folder.file(name), withIntermediateDirectories: true)
      for i in 0..<10 {
        // What follows an image's end is not read.
        try (image + Data([UInt8(label), UInt8(i)])).write(
          to: URL(fileURLWithPath: folder.file("\(name)/\(i).png")))
      }
    }
    return folder
  }

  static func record(_ data: ImageFolder, seed: UInt64 = 5) throws -> TrainingRecord {
    let made = TrainingRecord(data, split: .init(fraction: 0.2, seed: seed))
    let read = try TrainingRecord(JSON(parsing: made.json.text()))
    #expect(read == made)
    return read
  }

  @Test func theSameFolderGivesItsValidationImages() throws {
    let folder = try Self.make()
    let data = try ImageFolder(folder.path, validationFraction: 0.2, seed: 5)
    let record = try Self.record(data)
    let set = try EvaluationSet(folder.path, classes: ["a", "b"], record: record)
    #expect(set.samples == data.validation && set.samples.count == 4)
    #expect(set.source.hasPrefix("the 4 images that were held out for validation; 16 "))
    let all = try EvaluationSet(
      folder.path, classes: ["a", "b"], record: record, includesTraining: true)
    #expect(all.samples.count == 20)
    #expect(all.remarks.warnings.first?.hasPrefix("16 of these 20 images are training images") == true)
    // The network's own order of classes decides the labels.
    let turned = try EvaluationSet(folder.path, classes: ["b", "a"], record: record)
    #expect(Set(turned.samples.map(\.id)) == Set(set.samples.map(\.id)))
    #expect(turned.samples.allSatisfy { $0.id.contains("/b/") == ($0.label == 0) })
  }

  @Test func copiesAndNewImagesAreToldApart() throws {
    let folder = try Self.make()
    let data = try ImageFolder(folder.path, validationFraction: 0.2, seed: 5)
    let record = try Self.record(data)
    let copy = try TemporaryFolder()
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(
        atPath: copy.file(name), withIntermediateDirectories: true)
    }
    for (i, item) in data.training.prefix(3).enumerated() {
      try FileManager.default.copyItem(atPath: item.id, toPath: copy.file("b/x\(i).png"))
    }
    let known = try EvaluationSet(copy.path, classes: ["a", "b"], record: record)
    #expect(known.samples.count == 3)
    #expect(known.remarks.warnings.first?.hasPrefix("3 of these 3 images are training images") == true)
    try FileManager.default.copyItem(atPath: data.validation[0].id, toPath: copy.file("a/new.png"))
    let mixed = try EvaluationSet(copy.path, classes: ["a", "b"], record: record)
    #expect(mixed.samples.map(\.name) == ["new.png"])
    #expect(mixed.source.contains("3 training images are left out"))
  }

  /// Other images under the same names are not taken for those of the training.
  @Test func namesAloneDoNotCount() throws {
    let folder = try Self.make()
    let record = try Self.record(ImageFolder(folder.path, validationFraction: 0.2, seed: 5))
    for name in ["a", "b"] {
      for i in 0..<10 {
        try Data("GIF89a\(name)\(i)".utf8).write(to: URL(fileURLWithPath: folder.file("\(name)/\(i).png")))
      }
    }
    let set = try EvaluationSet(folder.path, classes: ["a", "b"], record: record)
    #expect(set.samples.count == 20 && set.remarks.warnings.isEmpty)
  }

  @Test func laterTrainingsRememberEarlierOnes() throws {
    let folder = try Self.make()
    let first = try ImageFolder(folder.path, validationFraction: 0.2, seed: 5)
    let second = try ImageFolder(folder.path, validationFraction: 0.2, seed: 6)
    let record = TrainingRecord(
      second, split: .init(fraction: 0.2, seed: 6), earlier: try Self.record(first))
    for item in first.training + second.training { #expect(record.holds(item, of: first) == true) }
  }

  /// Of very many images, a sample is known.
  @Test func largeSetsAreSampled() throws {
    let folder = try TemporaryFolder()
    for i in 0..<TrainingRecord.limit + 3000 {
      let path = folder.file("\(i % 2)/\(i).gif")
      if i < 2 {
        try FileManager.default.createDirectory(
          atPath: folder.file("\(i)"), withIntermediateDirectories: true)
      }
      try #require(FileManager.default.createFile(atPath: path, contents: Data("GIF89a\(i)".utf8)))
    }
    let data = try ImageFolder(folder.path, validationFraction: 0.1, seed: 5)
    let record = TrainingRecord(data, split: .init(fraction: 0.1, seed: 5))
    #expect(!record.isComplete && record.json.text().utf8.count < 40_000)
    let known = data.training.compactMap { record.holds($0, of: data) }
    #expect(known.count == TrainingRecord.limit && !known.contains(false))
    #expect(data.validation.compactMap { record.holds($0, of: data) }.count { $0 } < 3)
    #expect(try EvaluationSet(folder.path, classes: ["0", "1"], record: record).samples == data.validation)
    // In another folder they cannot be left out, and their share is told.
    try FileManager.default.removeItem(atPath: data.training[0].id)
    let changed = try EvaluationSet(folder.path, classes: ["0", "1"], record: record)
    let text = changed.remarks.warnings.first ?? ""
    let share = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    #expect(text.hasPrefix("about ") && abs(share - data.training.count) < 300, "\(text)")
  }
}
