import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTTensor
import VTTraining

/// A page of some training images as a run would see them: each beside what the recipe's augmentation makes of it in the
/// run's first epochs.
package struct DataSheet {
  private let data: any ImageDataSet
  private let recipe: Recipe
  private let preprocessing: Preprocessing
  private let engine = Engine(threads: 2)

  private static let mostRows = 12
  private static let epochs = 6
  /// Of an image on the page.
  private static let largestSide = 128

  /// - Parameters:
  ///   - path: the data set.
  ///   - recipe: its augmentation, its seed and its part for validation decide what is seen.
  ///   - imageSize: of the network's inputs.
  /// - Throws: `Failure` where the data set cannot be trained on.
  package init(_ path: String, recipe: Recipe, imageSize: Int) throws {
    data = try ImageDataSets.open(path, validationFraction: recipe.validationFraction, seed: recipe.seed)
    self.recipe = recipe
    preprocessing = Preprocessing(imageSize: imageSize)
  }

  /// The page, without references to other files.
  /// - Throws: `Failure` where none of its images can be read, or memory is short.
  package func html() throws -> String {
    let images = AugmentedImages(data, recipe, preprocessing, engine, most: Self.mostRows)
    let chosen = images.samples
    let views = try (0..<Self.epochs).map { try images.view(epoch: $0) }
    var rows = ""
    var count = 0
    for (row, sample) in chosen.enumerated() {
      guard let original = try? data.image(of: sample).image() else { continue }
      count += 1
      let cells = try views.map { "<td>\(try $0[row].map(tag) ?? "")</td>" }.joined()
      rows +=
        "<tr><th>\(data.classes[sample.label].printable.htmlEscaped)<br><small>\(sample.name.printable.htmlEscaped), \(original.width) x \(original.height)</small></th><td>\(try tag(original))</td>\(cells)</tr>\n"
    }
    guard count > 0 else {
      throw Failure("none of the \(chosen.count.counted("image")) can be read", file: data.path)
    }
    let epochs = (1...Self.epochs).map { "<th>epoch \($0)</th>" }.joined()
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>Training images</title>
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <style>
      :root { color-scheme: light dark; }
      body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
      h1 { font-size: 1.5rem; margin: 0 0 .2rem; } p { margin: .2rem 0 1rem; }
      .table { overflow-x: auto; } table { border-collapse: collapse; } small { opacity: .7; }
      th { font-weight: normal; text-align: left; padding: .2rem .8rem .2rem 0; min-width: 7rem; overflow-wrap: anywhere; }
      td { padding: .15rem; } td img { display: block; width: 6.5rem; height: 6.5rem; object-fit: contain; image-rendering: pixelated; }
      </style></head><body>
      <h1>Training images</h1>
      <p>\(data.path.printable.htmlEscaped): \(data.kind.htmlEscaped), \(data.classes.count) classes, \(data.training.count) training images.<br>
      As the recipe's augmentation shows them to a network of \(preprocessing.imageSize) x \(preprocessing.imageSize) pixels, with seed \(recipe.seed).</p>
      <div class="table"><table><tr><th></th><th>as it is</th>\(epochs)</tr>
      \(rows)</table></div>
      </body></html>

      """
  }

  private func tag(_ image: Image) throws -> String {
    let scale = min(1, Double(Self.largestSide) / Double(max(image.width, image.height)))
    let (width, height) = (
      max(1, Int(Double(image.width) * scale)), max(1, Int(Double(image.height) * scale))
    )
    let small = try image.resized(width: width, height: height, .bicubic)
    let png = try PNGEncoder.encode(width: width, height: height, pixels: small.pixels)
    return "<img alt=\"\" src=\"data:image/png;base64,\(Data(png).base64EncodedString())\">"
  }
}
