import ArgumentParser
import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTTensor

struct BenchData: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Times decoding and augmenting images, on one core.",
    discussion: "Example: vtkit bench data images --image-size 224")

  @Argument(help: "A folder of images, one folder per class.", completion: .directory)
  var folder: String

  @OptionGroup(title: "Preprocessing") var input: BenchImageArguments
  @OptionGroup(title: "Measurement") var measurement: MeasurementArguments

  func run() throws {
    let (imageSize, rounds) = (input.imageSize, measurement.rounds)
    let set = try ImageFolder(folder, validationFraction: 0)
    let steps = Preprocessing(imageSize: imageSize)
    var augmentation = Augmentation()
    if let policy = input.autoAugment {
      augmentation.transforms.append(
        PolicyTransform(
          policy: try AugmentationPolicies.named(policy), geometry: GeometrySettings(steps)))
    }
    let training = try time(set, steps) { file, index in
      .pixels(try augmentation.image(file, steps, SampleKey(seed: 1, epoch: 0, index: index)))
    }
    let evaluation = try time(set, steps) { file, _ in try steps.evaluationImage(file.image()) }
    if measurement.json {
      print(
        JSON.object([
          "pictures": .int(set.training.count), "image_size": .int(imageSize),
          "training_pictures_per_second": .double(training),
          "evaluation_pictures_per_second": .double(evaluation),
        ]).text(pretty: true))
      return
    }
    print("\(set.training.count) images to \(imageSize) px on one core, best of \(rounds)")
    print("  for training    \(Format.fixed(training, 1)) images/s")
    print("  for evaluation  \(Format.fixed(evaluation, 1)) images/s")
  }

  /// Images a second, made into the network's numbers.
  private func time(
    _ set: ImageFolder, _ steps: Preprocessing,
    _ body: (EncodedImage, Int) throws -> PreparedImage
  ) throws -> Double {
    var best = 0.0
    for _ in 0..<measurement.rounds {
      let began = DispatchTime.now().uptimeNanoseconds
      for (index, item) in set.training.enumerated() {
        _ = steps.normalized(try body(set.image(of: item), index))
      }
      best = max(
        best, Double(set.training.count) / (Double(DispatchTime.now().uptimeNanoseconds - began) * 1e-9))
    }
    return best
  }
}
