import Foundation
import VTModels

/// Layer-wise learning-rate decay (BEiT; Bao et al., ICLR 2022): the deeper a parameter lies, the faster it learns. The
/// classifier and what training adds learn at the full rate, each block in front of it at `decay` times the next one's.
package struct LayerDecay: UpdateRule {
  private let decay: Double
  private let depths: [String: Int]
  private let deepest: Int

  /// - Parameter depths: by native name, as `Models.parameterDepths` tells them.
  package init(_ decay: Double, depths: [String: Int]) {
    (self.decay, self.depths) = (decay, depths)
    deepest = depths.values.max() ?? 0
  }

  package func apply(to factors: inout UpdateFactors, _ parameter: ParameterDeclaration) {
    guard let depth = depths[parameter.name] else { return }
    factors.learningRate *= pow(decay, Double(deepest - depth))
  }
}
