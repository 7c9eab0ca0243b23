import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData

/// Data sets whose images are pixels: CIFAR, SVHN, NumPy's archives.
struct ArrayDataSetTests {
  @Test(arguments: ["cifar-10-batches-bin", "cifar-10-batches-py", "cifar-10-binary.tar.gz"])
  func cifar10IsReadInEachVersion(_ name: String) throws {
    let set = try DataSetFixtures.open(name)
    #expect(set.kind == "CIFAR-10, \(name.hasSuffix("py") ? "Python" : "binary") version")
    // Those of the ten that have images.
    #expect(set.classes == ["cat", "dog", "truck"])
    #expect(set.training.map(\.label) == [0, 1, 0, 2, 1, 2] && set.validation.map(\.label) == [0, 1, 2])
    #expect(set.validationFolder == "test" && set.test.isEmpty)
    try DataSetFixtures.expect(set.training, of: set, are: Array(0..<6), 32, 32)
    try DataSetFixtures.expect(set.validation, of: set, are: [6, 7, 8], 32, 32)
    #expect(
      set.remarks.warnings.first == "files of the data set are missing: "
        + (3...5).map { "data_batch_\($0)" + (name.hasSuffix("py") ? "" : ".bin") }.joined(separator: ", "))
    #expect(
      set.remarks.notes.contains { $0.contains("7 classes of batches.meta") && $0.contains("airplane") })
    let evaluation = try EvaluationSet(set.path, classes: ["truck", "dog", "cat", "bird"])
    #expect(evaluation.samples.map(\.label) == [2, 1, 0] && evaluation.source == "test")
  }

  @Test(arguments: ["cifar-100-binary", "cifar-100-python"])
  func cifar100HasFineAndCoarseLabels(_ name: String) throws {
    let fine = try DataSetFixtures.open(name)
    #expect(fine.classes == ["aquarium_fish", "beaver"] && fine.training.map(\.label) == [1, 0, 1])
    try DataSetFixtures.expect(fine.training, of: fine, are: [20, 21, 22], 32, 32)
    try DataSetFixtures.expect(fine.validation, of: fine, are: [23, 24], 32, 32)
    let coarse = try DataSetFixtures.open(name + "#coarse")
    #expect(coarse.classes == ["aquatic_mammals", "fish"] && coarse.training.map(\.label) == [0, 1, 0])
    #expect(coarse.path.hasSuffix("#coarse"))
    #expect(try DataSetFixtures.failure(DataSetFixtures.root + "/" + name + "#medium").kind == .usage)
    let none = try DataSetFixtures.failure(DataSetFixtures.root + "/cifar-10-batches-bin#coarse")
    #expect(none.kind == .usage && none.problem.contains("no labels 'coarse'"))
  }

  @Test func bothVersionsHaveTheSameDigests() throws {
    let binary = try DataSetFixtures.open("cifar-10-batches-bin")
    let python = try DataSetFixtures.open("cifar-10-batches-py")
    let record = TrainingRecord(binary, split: .init(fraction: 0, seed: 0))
    #expect(python.training.allSatisfy { record.holds($0, of: python) == true })
    #expect(python.validation.allSatisfy { record.holds($0, of: python) == false })
  }

  @Test func theAuthorsFolderMayLieInTheGivenOne() throws {
    let folder = try DataSetFixtures.copy("cifar-10-batches-py")
    #expect(try ImageFolder(folder.path).kind == "CIFAR-10, Python version")
    try FileManager.default.copyItem(
      atPath: DataSetFixtures.root + "/cifar-100-python", toPath: folder.file("cifar-100-python"))
    let failure = try DataSetFixtures.failure(folder.path)
    #expect(failure.kind == .usage && failure.problem.contains("cifar-10-batches-py, cifar-100-python"))
  }

  @Test func damagedCIFARFilesAreNamed() throws {
    let folder = try DataSetFixtures.copy("cifar-10-batches-bin")
    let batch = folder.file("cifar-10-batches-bin/data_batch_2.bin")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: batch))
    try bytes.dropLast(5).write(to: URL(fileURLWithPath: batch))
    let short = try DataSetFixtures.failure(folder.path)
    #expect(short.file == batch && short.offset == 3073 && short.problem.contains("records of 3073 bytes"))
    var wrong = bytes
    wrong[3073] = 12
    try wrong.write(to: URL(fileURLWithPath: batch))
    let label = try DataSetFixtures.failure(folder.path)
    #expect(label.file == batch && label.problem == "image 1 has the label 12, and there are 10 classes")

    let python = try DataSetFixtures.copy("cifar-10-batches-py")
    let pickle = python.file("cifar-10-batches-py/test_batch")
    let whole = try Data(contentsOf: URL(fileURLWithPath: pickle))
    for length in [0, 1, 40, 300, whole.count - 1] {
      try whole.prefix(length).write(to: URL(fileURLWithPath: pickle))
      #expect(try DataSetFixtures.failure(python.path).file == pickle)
    }
    try Data("cos\nsystem\n(S'true'\ntR.".utf8).write(to: URL(fileURLWithPath: pickle))
    #expect(try DataSetFixtures.failure(python.path).problem.contains("os.system"))
    try Data("(dp0\n.".utf8).write(to: URL(fileURLWithPath: pickle))
    #expect(try DataSetFixtures.failure(python.path).problem == "the pickle has no list of numbers 'labels'")
  }

  @Test func svhnIsReadFromItsMATFiles() throws {
    let set = try DataSetFixtures.open("svhn")
    #expect(set.kind == "SVHN, cropped digits" && set.classes == ["0", "1", "2"])
    #expect(set.training.map(\.label) == [0, 1, 2] && set.validation.map(\.label) == [2, 0])
    try DataSetFixtures.expect(set.training, of: set, are: [40, 41, 42], 32, 32)
    try DataSetFixtures.expect(set.validation, of: set, are: [43, 44], 32, 32)
  }

  @Test func damagedMATFilesAreNamed() throws {
    for name in ["train_32x32.mat", "test_32x32.mat"] {
      let folder = try DataSetFixtures.copy("svhn")
      let path = folder.file("svhn/" + name)
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      for length in [0, 100, 128, 140, 200, whole.count / 2, whole.count - 9] {
        try whole.prefix(length).write(to: URL(fileURLWithPath: path))
        #expect(try DataSetFixtures.failure(folder.file("svhn")).file == path)
      }
      // Every byte of the front, one after the other.
      for at in stride(from: 124, to: 320, by: 3) {
        var changed = whole
        changed[at] ^= 0xFF
        try changed.write(to: URL(fileURLWithPath: path))
        _ = try? ImageFolder(folder.file("svhn"))
      }
    }
    let big = #expect(throws: Failure.self) {
      try MATFile.arrays(DataSetFixtures.root + "/hostile/big.mat", ["X"])
    }
    #expect(big?.problem.contains("bytes, ") == true && big?.offset == 128)
    let folder = try TemporaryFolder()
    let new = folder.file("train_32x32.mat")
    try Data([0x89, 0x48, 0x44, 0x46] + [UInt8](repeating: 0, count: 200)).write(
      to: URL(fileURLWithPath: new))
    #expect(try DataSetFixtures.failure(folder.path).problem.contains("version 7.3"))
  }

  @Test func kerasArraysAreGrayImages() throws {
    let set = try DataSetFixtures.open("arrays/mnist.npz")
    #expect(set.classes == ["0", "7"] && set.training.map(\.label) == [1, 0, 1])
    try DataSetFixtures.expect(set.training, of: set, are: [80, 81, 82], 7, 5, isGray: true)
    try DataSetFixtures.expect(set.validation, of: set, are: [83, 84], 7, 5, isGray: true)
    #expect(set.training[0].name == "x_train[0]")
  }

  @Test func medicalArraysHaveThreeSets() throws {
    let set = try DataSetFixtures.open("arrays/bloodmnist.npz")
    #expect(set.classes == ["0", "1", "2"] && set.validationFolder == "val" && set.testFolder == "test")
    try DataSetFixtures.expect(set.training, of: set, are: [90, 91, 92], 4, 6)
    try DataSetFixtures.expect(set.validation, of: set, are: [93, 94], 4, 6)
    try DataSetFixtures.expect(set.test, of: set, are: [95], 4, 6)
  }

  @Test(arguments: [
    ("floats", "'x_train' are numbers of type f32"), ("several", "several a image"),
    ("first", "the shape [2, 3, 4, 5]"),
    ("negative", "image 1 has the label -1 in 'y_train'"),
  ])
  func otherArraysAreRefused(_ name: String, _ message: String) throws {
    let failure = try DataSetFixtures.failure(DataSetFixtures.root + "/arrays/\(name).npz")
    #expect(failure.kind == .badInput && failure.problem.contains(message), "\(failure)")
  }

  @Test func partsOfPixelsAreThoseOfTheImage() throws {
    let set = try DataSetFixtures.open("cifar-10-batches-bin")
    let box = CropBox(left: 3, top: 5, width: 20, height: 10)
    let part = try set.image(of: set.training[2]).part(atLeast: 4) { width, height in
      #expect(width == 32 && height == 32)
      return box
    }
    #expect(
      try part == set.image(of: set.training[2]).image().cropped(left: 3, top: 5, width: 20, height: 10))
  }
}
