import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTData

/// Images that are not files.
struct ImageSourceTests {
  /// A source in memory.
  private struct Memory: ImageSource {
    let classes = ["a", "b"]
    var samples: [Sample]
    var files: [String: Data]

    func data(of sample: Sample) throws -> Data {
      guard let data = files[sample.id] else { throw Failure("there is no such member", file: sample.id) }
      return data
    }
  }

  @Test func batchesComeFromAnySource() throws {
    let folder = try ImageFolder(Fixtures.root + "/fixtures/runs/images")
    let steps = Preprocessing(imageSize: 12)
    func batches(_ samples: [Sample], of source: any ImageSource) -> [Batch] {
      let loader = BatchLoader(items: samples, of: source, batchSize: 4, preprocessing: steps) { file, _ in
        try steps.evaluationImage(file.image())
      }
      return Array(sequence(state: loader) { $0.next() })
    }
    let expected = batches(folder.validation, of: folder)
    var memory = Memory(samples: [], files: [:])
    for (index, sample) in folder.validation.enumerated() {
      let id = "images.tar/\(index)"
      memory.samples.append(Sample(id: id, label: sample.label))
      memory.files[id] = try folder.data(of: sample)
    }
    let actual = batches(memory.samples, of: memory)
    #expect(actual.map(\.images) == expected.map(\.images) && actual.map(\.labels) == expected.map(\.labels))
    memory.files["images.tar/1"] = nil
    memory.files["images.tar/2"] = Data("no image".utf8)
    let failures = batches(memory.samples, of: memory).flatMap(\.failures)
    #expect(failures.map(\.file) == ["images.tar/1", "images.tar/2"])
    #expect(failures.first?.problem == "there is no such member")
  }

  @Test func aFoldersSamplesAreThoseOfItsSets() throws {
    let folder = try ImageFolder(Fixtures.root + "/fixtures/runs/images")
    #expect(folder.samples == folder.training + folder.validation && folder.samples.count == 33)
    for sample in folder.samples {
      #expect(try folder.data(of: sample) == Data(contentsOf: URL(fileURLWithPath: sample.id)))
    }
    let missing = Sample(id: folder.path + "/none.png", label: 0)
    let failure = #expect(throws: Failure.self) { try folder.data(of: missing) }
    #expect(failure?.file == missing.id)
  }
}
