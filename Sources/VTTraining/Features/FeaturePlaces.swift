/// Where a run's views of training images have their place.
struct FeaturePlaces {
  private let images: Int
  /// Different augmented versions of an image's copy; 1 without augmentation.
  let views: Int
  /// Copies of an image that an epoch always has.
  private let copies: Int
  private let augments: Bool

  init(_ recipe: Recipe, images: Int) {
    (self.images, augments) = (images, recipe.augments)
    views = recipe.augments ? recipe.views ?? 1 : 1
    copies = recipe.augments ? recipe.repeats : 1
  }

  /// Balanced sampling may show more copies of an image: their places lie behind these.
  var count: Int { images * copies * views }

  /// - Parameter place: of `SampleOrder`: an image, or one of its copies, of which there may be any number.
  func place(_ place: Int, epoch: Int) -> Int {
    (augments ? place : place % images) * views + epoch % views
  }
}
