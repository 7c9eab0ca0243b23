import VTCheckpoint
import VTConversion
import VTCore
import VTData
import VTModels
import VTTraining

/// A teacher for a run: a network that tells the run's classes apart, from the same pixels.
struct TeacherNetwork {
  let record: Teacher
  /// By native name, the classifier's rows in the order of the run's classes.
  let weights: StateDict

  /// - Throws: `Failure` where the network tells other classes apart, or takes other images.
  init(_ path: String, _ classes: [String], _ preprocessing: Preprocessing) throws {
    let network = try Network(contentsOf: path)
    try network.loaded.checkDigest(path)
    guard let rows = HeadReplacement.rows(of: classes, in: network.classes) else {
      throw Failure(
        .usage,
        network.classes == nil
          ? "--teacher: the file does not name its classes"
          : "--teacher: the network tells other classes apart than the images have",
        file: path, hint: "tune it on the same classes first: vtkit finetune --checkpoint \(path.printable)")
    }
    guard let json = network.loaded.metadata.preprocessing else {
      throw Failure(
        .usage,
        "--teacher: the file does not say how its images are prepared: their mean and std, how they are resized",
        file: path,
        hint:
          "give the run folder in which the teacher was tuned, or a file that --export wrote there, which say it (vtkit.preprocessing)"
      )
    }
    let own = try Preprocessing(json)
    guard own.imageSize == preprocessing.imageSize else {
      throw Failure(
        .usage,
        "--teacher takes images of \(network.imageSize) x \(network.imageSize), the network of \(preprocessing.imageSize)",
        file: path, hint: "bring one to the other's size with --image-size")
    }
    guard own.mean == preprocessing.mean, own.std == preprocessing.std else {
      throw Failure(
        .usage, "--teacher takes pixels that are normalized otherwise", file: path,
        hint: "give the network the teacher's --mean and --std (vtkit inspect shows them)")
    }
    let configuration = network.loaded.metadata.configuration
    record = Teacher(source: path.absolutePath, configuration: configuration)
    var native = network.loaded.native
    native.filter { !$0.name.hasPrefix(LoadedCheckpoint.drlocPrefix) }
    weights = try HeadReplacement.weights(native, configuration: configuration, seed: 0, rows: rows)
  }
}
