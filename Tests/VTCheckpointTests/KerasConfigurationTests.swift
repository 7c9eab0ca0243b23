import Testing
import TestSupport
import VTCore

@testable import VTCheckpoint

struct KerasConfigurationTests {
  @Test func layersOfAnArchiveGoByTheirOwnNames() throws {
    let document = try JSON(
      parsing:
        #"{"class_name": "Sequential", "config": {"layers": [{"class_name": "InputLayer", "config": {"name": "in"}}, {"class_name": "Functional", "config": {"name": "net", "layers": [{"class_name": "Conv2D", "config": {"name": "stem"}}, {"class_name": "Conv2D", "config": {"name": "shortcut"}}, {"class_name": "BatchNormalization", "config": {"name": "stem_bn"}}]}}, {"class_name": "Conv2D", "config": {"name": "top"}}]}}"#
    )
    #expect(
      KerasConfiguration.layerNames(document) == [
        "layers/input_layer": "in", "layers/functional": "net", "layers/functional/layers/conv2d": "stem",
        "layers/functional/layers/conv2d_1": "shortcut",
        "layers/functional/layers/batch_normalization": "stem_bn", "layers/conv2d": "top",
      ])
    // As Keras itself spells them.
    for (name, expected) in [("ReLU", "re_lu"), ("ViTBackbone", "vi_t_backbone"), ("MLPBlock", "mlp_block")] {
      #expect(KerasConfiguration.snakeCase(name) == expected)
    }
    // What the configuration says is what the weights say, where they do.
    let path = Fixtures.reference + "/keras_archive/model.keras"
    let store = try CheckpointFile.open(path)
    #expect(
      store.layerNames["layers/conv2d/vars/0"] == "stem" && store.layerNames["layers/dense/vars/1"] == "head")
  }
}
