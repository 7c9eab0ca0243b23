import Foundation
import Testing
import TestSupport
import VTCheckpoint

@testable import VTConversion

/// A Keras model's own layers in front of the network change what its images are.
struct KerasImagesTests {
  private func load(_ layers: String) throws -> LoadedCheckpoint {
    var store = try CheckpointFile.open(ReferenceCase("vit_keras_pkg_h5").checkpointPath())
    store.metadata["model_config"] = """
      {"class_name": "Functional", "config": {"layers": [
        {"class_name": "InputLayer", "config": {"name": "in"}}, \(layers)
        {"class_name": "Functional", "config": {"layers": [
          {"class_name": "Conv2D", "config": {}}, {"class_name": "Rescaling", "config": {"scale": 7}}]}},
        {"class_name": "Lambda", "config": {}}, {"class_name": "Dense", "config": {}}]}}
      """
    return try LoadedCheckpoint.load(
      store, LoadOptions(configuration: .object(["num_heads": .int(4)])), path: nil)
  }

  private func numbers(_ loaded: LoadedCheckpoint, _ key: String) -> [Double]? {
    loaded.metadata.preprocessing?[key]?.array?.compactMap(\.double)
  }

  @Test func scaleAndOffsetAreUsed() throws {
    let loaded = try load(
      #"{"class_name": "Rescaling", "config": {"scale": 0.00392156862745098, "offset": -0.5}},"#)
    #expect(numbers(loaded, "mean") == [0.5, 0.5, 0.5] && numbers(loaded, "std") == [1, 1, 1])
    #expect(loaded.notes.contains { $0.kind == .taken && $0.text.contains("(Rescaling) does that") })
    // Pixels of 0 to 1, of a pipeline in front of the model.
    let other = try load(#"{"class_name": "Rescaling", "config": {"scale": 2.0, "offset": -1}},"#)
    #expect(numbers(other, "mean") == [0.5, 0.5, 0.5] && numbers(other, "std") == [0.5, 0.5, 0.5])
  }

  @Test func layersInARowAreOneStep() throws {
    let loaded = try load(
      """
      {"class_name": "Sequential", "config": {"layers": [{"class_name": "RandomFlip", "config": {}},
        {"class_name": "Custom>Rescaling", "config": {"scale": [0.00392156862745098], "offset": 0}}]}},
      {"class_name": "Normalization", "config": {"mean": [[[[0.5, 0.25, 0.125]]]], "variance": [0.25, 0.0625, 1.0]}},
      """)
    #expect(numbers(loaded, "mean") == [0.5, 0.25, 0.125] && numbers(loaded, "std") == [0.5, 0.25, 1])
  }

  @Test func whatIsNotSaidIsTold() throws {
    for layer in ["Normalization", "TFOpLambda"] {
      let usual = try load("")
      let loaded = try load(#"{"class_name": "\#(layer)", "config": {"mean": null}},"#)
      #expect(loaded.metadata.preprocessing == usual.metadata.preprocessing)
      #expect(
        loaded.notes.contains { $0.text.contains("a layer of its own in front of the network (\(layer))") })
      #expect(!usual.notes.contains { $0.text.contains("in front of the network") })
    }
  }
}
