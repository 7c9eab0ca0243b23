/// The caches of a run: for training images, and for validation images.
struct FeatureCaches {
  let training: FeatureCache
  /// nil where what is frozen in training still changes for evaluation.
  let validation: FeatureCache?
  /// In words: what is kept.
  let summary: String

  /// - Parameter folder: for a cache on the disk.
  init(_ plan: FeaturePlan, folder: String) {
    func cache(_ part: FeaturePlan.Part) -> FeatureCache {
      FeatureCache(part.prefix, room: part.room, folder: plan.isOnDisk ? folder : nil)
    }
    (training, validation, summary) = (cache(plan.training), plan.validation.map(cache), plan.summary)
  }
}
