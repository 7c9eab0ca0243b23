import VTCore
import VTData
import VTModels
import VTTensor

/// The caches of a run: for training images, and for validation images.
package struct FeatureCaches {
  package let training: FeatureCache
  /// nil where what is frozen in training still changes for evaluation.
  package let validation: FeatureCache?
  /// In words: what is kept.
  package let summary: String

  /// - Parameter folder: for a cache on the disk.
  /// - Throws: `Failure` where nothing of the network stays the same.
  init?(_ configuration: RunConfiguration, _ data: any ImageDataSet, folder: String) throws {
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
    let place = recipe.cachesOnDisk ? folder : nil
    func room(_ prefix: ConstantPrefix, _ limit: Int) -> Int { limit / (4 * prefix.count) }
    training = FeatureCache(prefix, room: min(places.count, room(prefix, limit)), folder: place)
    let rest = limit - training.room * 4 * prefix.count
    validation = try PrefixSearch.evaluation(configuration).map {
      FeatureCache($0, room: min(data.validation.count, room($0, rest)), folder: place)
    }
    let bytes = Self.bytes(training, validation)
    let all = places.count + (validation == nil ? 0 : data.validation.count)
    let kept = training.room + (validation?.room ?? 0)
    let views = places.views == 1 ? "" : " (\(places.views) views each)"
    let unkept =
      kept < all
      ? ", and the rest anew in every epoch: --cache \(ByteSize.option(all * 4 * prefix.count)) would hold all"
      : ""
    summary =
      "cache: \(Int((100 * share).rounded())) % of the network's work is the same in every epoch and is done once for \(kept == all ? "all" : "\(kept) of the") \(all) images\(views), \(ByteSize.text(4 * prefix.count)) an image, \(ByteSize.text(bytes)) \(recipe.cachesOnDisk ? "on the disk" : "of memory")\(unkept)"
  }

  /// The memory that caches of a run will take.
  static func bytes(_ configuration: RunConfiguration, images: Int, validation: Int) throws -> Int {
    let recipe = configuration.recipe
    guard let limit = recipe.cacheSize, !recipe.cachesOnDisk else { return 0 }
    guard let (prefix, _) = try PrefixSearch.training(configuration) else { return 0 }
    let places = FeaturePlaces(recipe, images: images).count + validation
    return min(limit, places * 4 * prefix.count)
  }

  private static func bytes(_ caches: FeatureCache?...) -> Int {
    caches.reduce(0) { $0 + ($1.map { $0.room * 4 * $0.prefix.count } ?? 0) }
  }
}

/// Where a run's views of training images have their place.
package struct FeaturePlaces {
  private let images: Int
  private let augments: Bool
  /// Different augmented versions of an image's copy; 1 without augmentation.
  let views: Int
  private let copies: Int

  init(_ recipe: Recipe, images: Int) {
    self.images = images
    augments = recipe.augments
    views = recipe.augments ? recipe.views ?? 1 : 1
    copies = recipe.augments ? recipe.repeats : 1
  }

  var count: Int { images * copies * views }

  /// - Parameter place: of `SampleOrder`: an image, or one of its copies.
  func place(_ place: Int, epoch: Int) -> Int {
    augments ? epoch % views * images * copies + place : place % images
  }
}
