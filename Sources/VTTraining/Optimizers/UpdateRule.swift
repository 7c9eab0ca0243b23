import VTModels

/// What a parameter's learning rate and weight decay are multiplied by.
package struct UpdateFactors: Sendable, Equatable {
  package var learningRate = 1.0
  package var weightDecay = 1.0

  package init(learningRate: Double = 1, weightDecay: Double = 1) {
    (self.learningRate, self.weightDecay) = (learningRate, weightDecay)
  }

  /// What the rules give together.
  init(of parameter: ParameterDeclaration, _ rules: [any UpdateRule]) {
    for rule in rules { rule.apply(to: &self, parameter) }
  }
}

/// Treats parameters differently by how the network declares them: which decay, and how fast each learns.
package protocol UpdateRule: Sendable {
  func apply(to factors: inout UpdateFactors, _ parameter: ParameterDeclaration)
}

/// Decay skips biases and what has one axis, as the method's reference code does, and what the architecture exempts.
package struct UsualDecay: UpdateRule {
  package init() {}

  package func apply(to factors: inout UpdateFactors, _ parameter: ParameterDeclaration) {
    if !parameter.decays { factors.weightDecay = 0 }
  }
}
