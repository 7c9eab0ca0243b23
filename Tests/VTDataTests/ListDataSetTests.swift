import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData

/// Data sets that are lists of image files: CSV, Flowers-102, DomainNet, ImageNet's class lists.
struct ListDataSetTests {
  @Test func aHeaderSaysWhereTheColumnsAre() throws {
    let set = try DataSetFixtures.open("lists/sets.csv")
    #expect(set.classes == ["cat", "dog, big"] && set.validationFolder == "test")
    try DataSetFixtures.expect(set.training, of: set, are: [100, 102], 8, 6)
    try DataSetFixtures.expect(set.validation, of: set, are: [101, 103], 8, 6)
    #expect(set.training.map(\.label) == [0, 1] && set.training[1].name == "images/a \"dog\".png")
    #expect(set.remarks.notes.first == "columns of the list that are not used: id")
    #expect(
      set.remarks.warnings.contains("1 image of the list has no label and was not used, the first: line 7"))
  }

  @Test func numbersAreInTheirOwnOrder() throws {
    let set = try DataSetFixtures.open("lists/plain.tsv", fraction: 0.5)
    #expect(set.classes == ["9", "10"] && set.training.count == 2 && set.validation.count == 2)
    #expect(set.validationFolder == nil)
  }

  /// Writes a list beside copies of the images.
  private func failure(_ text: String, name: String = "list.csv") throws -> Failure {
    let folder = try DataSetFixtures.copy("lists/images")
    try DataSetFixtures.write(text, to: folder.file(name))
    return try DataSetFixtures.failure(folder.file(name))
  }

  @Test(arguments: [
    ("", "the list is empty"), ("a.png\nb.png\n", "line 1 has 1 column between commas"),
    ("images/5.png;cat\n", "line 1 has 1 column between commas"),
    ("path,label\nimages/5.png,cat,train\n", "line 2 has 3 columns, the first has 2"),
    ("path,label\n\"images/5.png,cat\n", "line 2: a quote is not closed"),
    ("path,label\nimages/\"5\".png,cat\n", "line 2: a quote within a field"),
    ("path,label\n\"images/5.png\"x,cat\n", "line 2: text behind a closed quote"),
    ("images/5.png,cat,treining\n", "line 1: the split 'treining' is not known"),
    ("images/5.png,cat,\n", "line 1: the split '' is not known"),
    ("path,label\n,cat\n", "line 2 has no path"), ("path,label\n", "names no labelled images"),
    ("path,label\nimages/5.png,\n", "names no labelled images"),
    ("path,label\nimages/5.png,a\nimages/5.png,b\n", "lines 2 and 3 name the same image"),
    ("path,file,label\nx,y,z\n", "two columns may be the paths"),
    ("path,label\nnone.png,cat\nnone2.png,dog\n", "none of the 2 listed images is there, the first: line 2"),
    ("picture,kind\nimages/5.png,a\n", "line 1 looks like a header"),
    ("images/5.png,a,val\nimages/dog/4.png,b,valid\n", "the splits 'val' and 'valid' are both there"),
    ("images/5.png,a,test\n", "there are no training images, only test"),
    (
      "images/5.png,a,train\nimages/dog/4.png,b,val\n",
      "the validation set has classes that the training set lacks (b)"
    ),
    ("path,label\nimages/5\0.png,a\n", "line 2: a zero byte"),
  ])
  func mistakesNameTheLine(_ text: String, _ message: String) throws {
    let failure = try failure(text)
    #expect(failure.kind == .badInput && failure.problem.contains(message), "\(failure)")
    #expect(failure.file?.hasSuffix("list.csv") == true)
  }

  @Test func namesNeedNotBeUTF8AndLabelsMust() throws {
    let folder = try TemporaryFolder()
    let name = String(fileBytes: [0x66, 0xFF, 0x2E, 0x70, 0x6E, 0x67])
    let image = try Data(contentsOf: URL(fileURLWithPath: DataSetFixtures.root + "/lists/images/5.png"))
    let path = folder.path + "/" + name
    let descriptor = path.withFileName { Foundation.open($0, O_WRONLY | O_CREAT, 0o600) }
    image.withUnsafeBytes { _ = Foundation.write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    let list = folder.file("list.csv")
    try (Data([0x66, 0xFF]) + Data(".png,a\n".utf8)).write(to: URL(fileURLWithPath: list))
    let set = try EvaluationSet(list, classes: ["a"])
    #expect(try set.image(of: set.samples[0]).image().width == 8)
    try (Data("f.png,".utf8) + Data([0xFF, 0x0A])).write(to: URL(fileURLWithPath: list))
    #expect(try DataSetFixtures.failure(list).problem == "line 1: the label is not text (UTF-8)")
  }

  @Test func missingAndRepeatedFilesAreTold() throws {
    let folder = try DataSetFixtures.copy("lists/images")
    let list = folder.file("list.csv")
    try DataSetFixtures.write(
      "images/5.png,a\nimages/dog/4.png,b\nimages/5.png,a\nimages/gone.png,b\n", to: list)
    let set = try ImageFolder(list, validationFraction: 0)
    #expect(set.training.count == 3)
    #expect(
      set.remarks.warnings == [
        "1 line repeats an image of the list and was not used, the first: line 3",
        "1 listed image is not there, the first: line 4, \(folder.path)/images/gone.png",
      ])
  }

  @Test func flowersAreInTheAuthorsSets() throws {
    let set = try DataSetFixtures.open("flowers")
    #expect(set.classes == ["3", "77"])
    func numbers(_ samples: [Sample]) -> [String] { samples.map { $0.name + " " + set.classes[$0.label] } }
    #expect(numbers(set.training) == ["jpg/image_00003.jpg 3", "jpg/image_00001.jpg 77"])
    #expect(numbers(set.validation) == ["jpg/image_00002.jpg 77", "jpg/image_00004.jpg 3"])
    #expect(numbers(set.test) == ["jpg/image_00005.jpg 3", "jpg/image_00006.jpg 77"])
    #expect(set.remarks.warnings == ["1 labelled images are in no set and were not used"])
    #expect(try set.image(of: set.training[0]).image().width == 16)
    let folder = try DataSetFixtures.copy("flowers")
    try DataSetFixtures.write(
      #"{"3": "canterbury bells", "77": "passion flower"}"#, to: folder.file("flowers/cat_to_name.json"))
    #expect(try ImageFolder(folder.file("flowers")).classes == ["canterbury bells", "passion flower"])
    try FileManager.default.removeItem(atPath: folder.file("flowers/jpg"))
    #expect(try DataSetFixtures.failure(folder.file("flowers")).problem == "the folder jpg is missing")
    try FileManager.default.removeItem(atPath: folder.file("flowers/setid.mat"))
    #expect(try DataSetFixtures.failure(folder.file("flowers")).problem.contains("setid.mat is missing"))
  }

  @Test func aDomainIsChosenByItsFolderOrList() throws {
    for name in ["domainnet/clipart", "domainnet/clipart_train.txt", "domainnet/clipart_test.txt"] {
      let set = try DataSetFixtures.open(name)
      #expect(set.kind == "DomainNet, clipart" && set.classes == ["axe", "tiger"])
      #expect(set.training.map(\.label) == [1, 0, 1] && set.validation.map(\.label) == [0, 1])
      #expect(try set.image(of: set.training[0]).image().width == 16)
    }
    let failure = try DataSetFixtures.failure(DataSetFixtures.root + "/domainnet")
    #expect(failure.kind == .usage && failure.problem == "the folder holds several domains: clipart, sketch")
    // With one domain there is nothing to choose.
    let folder = try DataSetFixtures.copy("domainnet/sketch")
    for part in ["train", "test"] {
      try FileManager.default.copyItem(
        atPath: DataSetFixtures.root + "/domainnet/sketch_\(part).txt",
        toPath: folder.file("sketch_\(part).txt"))
    }
    #expect(try ImageFolder(folder.path).kind == "DomainNet, sketch")
    for (text, message) in [
      ("sketch/../../x.jpg 1\n", "line 2"), ("sketch/a/b.jpg\n", "line 2: not"),
      ("sketch/axe/z.jpg 5\n", "gives 'axe' the label 5"),
      ("sketch/a/b.jpg -1\n", "the label is -1"),
    ] {
      try DataSetFixtures.write(
        "sketch/axe/sketch_002_000001.jpg 2\n" + text, to: folder.file("sketch_train.txt"))
      #expect(try DataSetFixtures.failure(folder.path).problem.contains(message))
    }
  }

  @Test func classListsChooseAndNameImageNetsFolders() throws {
    let set = try DataSetFixtures.open("imagenet/whole")
    #expect(set.classes == ["crane (n02012849)", "crane (n03126707)"])
    #expect(set.training.count == 2 && set.validation.count == 2 && set.validationFolder == "val")
    #expect(set.remarks.notes.first == "2 of 3 class folders are used: those that two.lst lists")
    let evaluation = try EvaluationSet(set.path, classes: set.classes.reversed())
    #expect(evaluation.samples.count == 2 && evaluation.samples.map(\.label) == [0, 1])
    let pieces = try DataSetFixtures.open("imagenet/pieces")
    #expect(pieces.classes == ["tench, Tinca tinca", "crane (n02012849)", "crane (n03126707)"])
    #expect(Set(pieces.training.map(\.label)) == [0, 1, 2] && pieces.validation.count == 3)
    let folder = try DataSetFixtures.copy("imagenet/whole")
    let whole = folder.file("whole")
    try DataSetFixtures.write("n01440764\nn02012849\nn09999999\n", to: whole + "/three.txt")
    let failure = try DataSetFixtures.failure(whole)
    #expect(failure.kind == .usage && failure.problem.contains("three.txt, two.lst"))
    let chosen = try ImageFolder(whole + "/three.txt")
    #expect(chosen.classes == ["tench, Tinca tinca", "crane"])
    #expect(chosen.remarks.warnings.contains { $0.contains("1 of 3 classes of three.txt have no folder") })
    try DataSetFixtures.write("n01440764 tench\nbroken\n", to: whole + "/LOC_synset_mapping.txt")
    #expect(try DataSetFixtures.failure(whole).problem.contains("does not name ImageNet's classes"))
    // The list alone, without any folder beside it.
    let lonely = folder.file("three.txt")
    try FileManager.default.copyItem(atPath: whole + "/three.txt", toPath: lonely)
    #expect(try DataSetFixtures.failure(lonely).problem.contains("the list names classes of ImageNet"))
  }
}
