import VTCheckpoint
import VTCore

/// Street View House Numbers as its authors ship the cropped digits: `train_32x32.mat`, `test_32x32.mat`.
enum SVHN {
  private static let files = [
    (SetRole.training, "train", "train_32x32.mat"), (.test, "test", "test_32x32.mat"),
  ]
  private static let extra = "extra_32x32.mat"

  /// nil where none of the files is there.
  static func sets(in folder: String, _ given: String) throws -> FoundSets? {
    let names = Set(try FolderListing.entries(folder).filter { !$0.isFolder }.map(\.name))
    guard files.contains(where: { names.contains($0.2) }) else { return nil }
    var arrays = PixelArrays()
    var remarks = DataRemarks()
    var sets: [(SetRole, String, ArraySet)] = []
    for (role, name, file) in files {
      guard names.contains(file) else {
        remarks.warnings.append("files of the data set are missing: \(file)")
        continue
      }
      var set = ArraySet()
      do {
        let (block, labels) = try read(folder + "/" + file)
        set.add(labels, first: try arrays.append(block), file: file)
      } catch let failure as Failure { throw failure.located(file: folder + "/" + file) }
      if !set.images.isEmpty { sets.append((role, name, set)) }
    }
    if names.contains(extra) {
      remarks.notes.append("\(extra), the authors' easier images, is not used")
    }
    let classes = NumberedClasses(sets.flatMap { $0.2.images.map(\.label) }, names: nil)
    var found = FoundSets("SVHN, cropped digits", given, arrays)
    found.remarks = remarks
    for (role, name, set) in sets { found[role] = set.set(name, classes, in: folder) }
    return found
  }

  /// `X` is `[32, 32, 3, count]`, column by column; `y` has 10 for the digit 0.
  private static func read(_ path: String) throws -> (PixelArrays.Block, [Int]) {
    let found = try MATFile.arrays(path, ["X", "y"])
    guard let images = found["X"], let digits = found["y"] else {
      throw Failure("the file has no arrays X and y", hint: "give SVHN's cropped digits (format 2)")
    }
    let shape = images.shape
    // MATLAB drops a last axis of one.
    guard shape.count == 4 || shape.count == 3, shape[2] == 3, images.type == .u8,
      (1...1 << 12).contains(shape[0]), (1...1 << 12).contains(shape[1])
    else { throw Failure("X has the shape \(shape), and [height, width, 3, count] bytes belong there") }
    let (height, width, count) = (shape[0], shape[1], shape.count == 4 ? shape[3] : 1)
    let labels = try digits.integers()
    guard labels.count == count else {
      throw Failure("\(labels.count.counted("label")) for \(count.counted("image"))")
    }
    if let index = labels.firstIndex(where: { !(1...10).contains($0) }) {
      throw Failure(
        "image \(index) has the label \(labels[index]), and SVHN's are 1 to 10", hint: "fetch the file again")
    }
    let block = PixelArrays.Block(
      bytes: images.bytes, count: count, height: height, width: width, channels: 3,
      strides: (height * width * 3, 1, height, height * width))
    return (block, labels.map { $0 % 10 })
  }
}
