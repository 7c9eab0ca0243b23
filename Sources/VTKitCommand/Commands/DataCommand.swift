import ArgumentParser
import VTCheckpoint
import VTCore
import VTData
import VTKit
import VTTensor
import VTTraining

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Says what a data set holds, and what is wrong with it.",
    discussion: """
      Reads every image once: sets, classes, counts, sizes, files that cannot be read, images that are there twice, and \
      images of different sets that look alike.

      A data set is a folder with one folder per class, perhaps in train, val and test; a .csv or .tsv list of \
      path,label[,split]; a .zip or .tar of such folders; WebDataset's shards ('shards/train-{000..009}.tar', or their \
      folder); an .npz of x_train, y_train, ... or train_images, train_labels, ...; or the folder of CIFAR-10, CIFAR-100 \
      (cifar-100-python#coarse: its 20 classes), SVHN, Oxford Flowers-102, one domain of DomainNet, or ImageNet with a \
      list of classes, as their authors ship them.

      --sheet writes a page of training images as a run with this recipe would see them; nothing else is read then.

      Example: vtkit data cifar-10-batches-bin --sheet sheet.html --image-size 32
      """)

  @Argument(help: "The data set.", completion: .file())
  var path: String

  @OptionGroup(title: "Output") var output: DataArguments
  @OptionGroup(title: "Recipe, for --sheet") var recipe: RecipeArguments

  func run() throws {
    if let sheet = output.sheet {
      let file = try OutputFile(sheet, overwrite: output.force)
      try file.write(DataSheet(path, recipe: try recipe.resolved(), imageSize: output.imageSize).html())
      try file.commit()
      print("sheet: \(sheet)")
      return
    }
    let data = try DataInspection(path)
    let total = data.samples.count
    let bar = ProgressBar("reading", total: total)
    let lock = BarLock(bar)
    let check = ImageCheck(data, threads: Engine.processorCount) { lock.show($0) }
    bar.finish()
    let report = DataReport(data, check)
    if output.json {
      print(report.json.text(pretty: true))
    } else {
      for note in data.remarks.notes { Console.line("note: " + note) }
      for warning in data.remarks.warnings { Console.warning(warning) }
      print(report.text)
    }
  }
}

/// Draws a bar from the threads that read.
private final class BarLock: @unchecked Sendable {
  // Whoever reports progress holds a lock.
  private let bar: ProgressBar
  init(_ bar: ProgressBar) { self.bar = bar }
  func show(_ done: Int) { bar.show(done) }
}
