import ArgumentParser
import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTTensor

struct BenchData: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Times decoding and augmenting pictures, on one core.",
    discussion: "Example: vtkit bench data pictures --image-size 224")

  @Argument(help: "A folder of pictures, one folder a class.")
  var folder: String

  @Option(help: "Side of the network's input.")
  var imageSize = 224

  @Option(help: "Measured passes over all pictures; the fastest counts.")
  var rounds = 3

  @Flag(help: "Write JSON.")
  var json = false

  func validate() throws {
    if imageSize < 1 || rounds < 1 { throw ValidationError("--image-size and --rounds are at least 1.") }
  }

  func run() throws {
    let set = try ImageFolder(folder, validationFraction: 0)
    let steps = Preprocessing(imageSize: imageSize)
    let training = try time(set.training, steps) { file, index in
      var generator = RandomKey(seed: 1, purpose: .augmentation, index: UInt64(index)).generator()
      return .pixels(try steps.trainingPicture(file, Augmentation(), &generator))
    }
    let evaluation = try time(set.training, steps) { file, _ in try steps.evaluationPicture(file.picture()) }
    if json {
      print(
        JSON.object([
          "pictures": .int(set.training.count), "image_size": .int(imageSize),
          "training_pictures_per_second": .double(training),
          "evaluation_pictures_per_second": .double(evaluation),
        ]).text(pretty: true))
      return
    }
    print("\(set.training.count) pictures to \(imageSize) px on one core, best of \(rounds)")
    print("  for training    \(Format.fixed(training, 1)) pictures/s")
    print("  for evaluation  \(Format.fixed(evaluation, 1)) pictures/s")
  }

  /// Pictures a second, made into the network's numbers.
  private func time(
    _ items: [LabeledPicture], _ steps: Preprocessing,
    _ body: (PictureFile, Int) throws -> PreparedPicture
  ) throws -> Double {
    var best = 0.0
    for _ in 0..<rounds {
      let began = DispatchTime.now().uptimeNanoseconds
      for (index, item) in items.enumerated() {
        _ = steps.normalized(try body(PictureFile(item.path), index))
      }
      best = max(best, Double(items.count) / (Double(DispatchTime.now().uptimeNanoseconds - began) * 1e-9))
    }
    return best
  }
}
