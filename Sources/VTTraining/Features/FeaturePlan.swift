import VTCore
import VTData
import VTTensor

/// What a run's caches will hold, found before anything is computed.
struct FeaturePlan {
  /// What is kept of images, and of how many of them.
  struct Part {
    let prefix: ConstantPrefix
    let room: Int
    let images: Int

    /// - Parameter limit: bytes that there are.
    init(_ prefix: ConstantPrefix, images: Int, limit: Int) {
      (self.prefix, self.images) = (prefix, images)
      room = min(images, limit / Self.bytes(prefix))
    }

    var bytes: Int { room * Self.bytes(prefix) }
    var bytesOfAll: Int { images * Self.bytes(prefix) }

    static func bytes(_ prefix: ConstantPrefix) -> Int { prefix.count * MemoryLayout<Float>.stride }
  }

  let training: Part
  /// nil where what is frozen in training still changes for evaluation.
  let validation: Part?
  let isOnDisk: Bool
  private let share: Double
  private let views: Int

  /// - Returns: nil where the recipe has no cache.
  /// - Throws: `Failure` where nothing of the network stays the same.
  init?(_ configuration: RunConfiguration, _ data: any ImageDataSet) throws {
    let recipe = configuration.recipe
    guard let limit = recipe.cacheSize else { return nil }
    guard let (prefix, share) = try PrefixSearch.training(configuration) else {
      throw Failure(
        .usage, "--cache: no part of the network gives the same for an image in every step",
        hint:
          "freeze the first blocks (--freeze-blocks, --head-only), and batch norms with --freeze-batch-norm; dropout and drop path count as changes"
      )
    }
    let places = FeaturePlaces(recipe, images: data.training.count)
    let training = Part(prefix, images: places.count, limit: limit)
    validation = try PrefixSearch.evaluation(configuration).map {
      Part($0, images: data.validation.count, limit: limit - training.bytes)
    }
    self.training = training
    (isOnDisk, self.share, views) = (recipe.cachesOnDisk, share, places.views)
  }

  private var parts: [Part] { [training, validation].compactMap(\.self) }
  private var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }
  var memoryBytes: Int { isOnDisk ? 0 : bytes }

  /// In words: what is kept.
  var summary: String {
    let (all, kept) = (parts.reduce(0) { $0 + $1.images }, parts.reduce(0) { $0 + $1.room })
    let needed = parts.reduce(0) { $0 + $1.bytesOfAll }
    let unkept =
      kept < all
      ? ", and the rest anew in every epoch: --cache \(ByteSize.option(needed)) would hold all" : ""
    return
      "cache: \(Int((100 * share).rounded())) % of the network's work is the same in every epoch and is done once for \(kept == all ? "all" : "\(kept) of the") \(all) images\(views == 1 ? "" : " (\(views) views each)"), \(ByteSize.text(Part.bytes(training.prefix))) an image, \(ByteSize.text(bytes)) \(isOnDisk ? "on the disk" : "of memory")\(unkept)"
  }
}
