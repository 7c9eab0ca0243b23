/// How the dense relative localization loss is defined (Liu et al., NeurIPS 2021, section 4, and the published code).
public struct DrlocOptions: Sendable, Equatable {
  /// Whose definition of targets and means.
  public enum Target: String, Sendable, CaseIterable {
    /// Distances in units of the grid's side k: `|i - p| / k`. The mean is over images and pairs; both coordinates
    /// are added. Classes are -k...k (equations 4 to 6).
    case paper
    /// Distances in cells. The mean is over images, pairs and, for `l1`, coordinates. Classes are those that occur.
    case reference
  }

  /// What the head answers and how it is judged.
  public enum Mode: String, Sendable, CaseIterable {
    /// Two numbers, by their absolute error.
    case l1
    /// A class for each offset, by cross-entropy.
    case ce
    /// Classes too, as a distribution whose mean should be the offset and whose variance should be small (cycle-back
    /// regression, Dwibedi et al., CVPR 2019).
    case cbr
  }

  /// Whose definition of targets and means.
  public var target: Target
  /// What the head answers.
  public var mode: Mode
  /// Whether the head tells `i - p` rather than `|i - p|`. The paper's classes always do.
  public var isSigned: Bool
  /// Whether the reference's distances are divided by the largest there can be (`l1` only).
  public var normalizes: Bool
  /// Whether every stage's grid has a head and a loss of its own.
  public var isMultiscale: Bool
  /// Pairs of positions drawn for each image (m).
  public var pairs: Int
  /// λ, the loss's weight beside the cross-entropy; nil takes the network's own (`NetworkConfiguration.drlocWeight`).
  public var weight: Double?
  /// Epochs over which λ rises from 0 before it falls to 0; nil keeps it constant.
  public var scheduleWarmupEpochs: Int?

  /// The paper's loss, unless a parameter says otherwise; see the properties.
  public init(
    target: Target = .paper, mode: Mode = .l1, isSigned: Bool = false, normalizes: Bool = false,
    isMultiscale: Bool = false, pairs: Int = 64, weight: Double? = nil,
    scheduleWarmupEpochs: Int? = nil
  ) {
    self.target = target
    self.mode = mode
    self.isSigned = isSigned
    self.normalizes = normalizes
    self.isMultiscale = isMultiscale
    self.pairs = pairs
    self.weight = weight
    self.scheduleWarmupEpochs = scheduleWarmupEpochs
  }

  /// Classes of one coordinate over a grid of side `k`, and what is added to an offset to get its class.
  func classes(side k: Int) -> (count: Int, offset: Int) {
    switch target {
    case .paper: (2 * k + 1, k)
    case .reference: isSigned ? (2 * k - 1, k - 1) : (k, 0)
    }
  }

  /// Whether offsets keep their sign.
  var keepsSign: Bool { isSigned || (target == .paper && mode != .l1) }
}
