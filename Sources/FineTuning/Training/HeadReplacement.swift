import Checkpoint
import VisionModels

/// Gives a pretrained network a new classifier.
public enum HeadReplacement {
  /// The configuration for another number of classes.
  public static func configuration(_ configuration: JSON, numClasses: Int) -> JSON {
    configuration.replacing(["num_classes": .int(numClasses)])
  }

  /// The weights with exactly the classifier's tensors replaced by freshly initialized ones: truncated
  /// normal 0.02, zero bias. All others are the same.
  /// - Throws: `Failure` where the weights lack anything but the classifier.
  public static func weights(_ weights: ParameterStore, configuration: JSON, seed: UInt64) throws
    -> ParameterStore
  {
    let heads = try ModelFactory.headParameters(configuration)
    var result = ParameterStore()
    result.metadata = weights.metadata
    for (index, spec) in try ModelFactory.parameterSpecs(configuration).enumerated() {
      if heads.contains(spec.name) {
        let values = spec.initialValues(seed: seed, index: UInt64(index))
        try result.append(StoredTensor(name: spec.name, shape: spec.shape, values: values))
      } else if let tensor = weights[spec.name] {
        try result.append(tensor)
      }
    }
    return result
  }
}
