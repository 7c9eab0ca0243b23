import Foundation
import VTCheckpoint
import VTCore
import VTModels

/// `adapter/` of a run folder: what a run with low-rank adapters learned, as PEFT's `PeftModel.from_pretrained` reads it for a
/// network of the reference implementation whose names are the native ones (timm's for ViT).
extension RunFolder {
  var adapterPath: String { path + "/adapter" }

  /// From the best checkpoint; nothing where the run has no adapters.
  package func writeAdapter(_ configuration: RunConfiguration) throws -> String? {
    guard let recipe = configuration.recipe.lowRank else { return nil }
    let best = try CheckpointFile.open(bestPath)
    let heads = try Models.headParameters(configuration.metadata.configuration)
    var tensors: [StoredTensor] = []
    var targets: [String] = []
    for name in best.names {
      guard let (target, factor) = LowRankAdapters.factor(name), let stored = best[name] else { continue }
      let module = Self.module(target)
      let values = try stored.floats()
      if factor == "a" {
        targets.append(module)
        let (inputs, rank) = (stored.shape[0], stored.shape[1])
        let turned = (0..<values.count).map { values[$0 % inputs * rank + $0 / inputs] }
        tensors.append(
          StoredTensor(
            name: "base_model.model.\(module).lora_A.weight", shape: [rank, inputs], values: turned))
      } else {
        tensors.append(
          StoredTensor(name: "base_model.model.\(module).lora_B.weight", shape: stored.shape, values: values))
      }
    }
    for head in heads.sorted() {
      guard let stored = best[head] else { continue }
      tensors.append(
        StoredTensor(name: "base_model.model." + head, shape: stored.shape, values: try stored.floats()))
    }
    try Self.makeFolder(adapterPath)
    try CheckpointFile.write(
      StateDict(tensors), to: adapterPath + "/adapter_model.safetensors", overwrite: true)
    let file = try OutputFile(adapterPath + "/adapter_config.json", overwrite: true)
    try file.write(
      Self.peft(recipe, targets, heads: Set(heads.map(Self.module)).sorted()).text(pretty: true) + "\n")
    try file.commit()
    return adapterPath
  }

  private static func peft(_ recipe: LowRankRecipe, _ targets: [String], heads: [String]) -> JSON {
    .object([
      "peft_type": .string("LORA"), "task_type": .null, "base_model_name_or_path": .null,
      "r": .int(recipe.rank), "lora_alpha": .double(recipe.alpha ?? Double(recipe.rank)),
      "lora_dropout": .number("0.0"), "bias": .string("none"), "fan_in_fan_out": .bool(false),
      "inference_mode": .bool(true), "target_modules": .array(targets.map(JSON.string)),
      "modules_to_save": .array(heads.map(JSON.string)),
    ])
  }

  /// The name without its last part.
  private static func module(_ parameter: String) -> String {
    parameter.lastIndex(of: ".").map { String(parameter[..<$0]) } ?? parameter
  }
}
