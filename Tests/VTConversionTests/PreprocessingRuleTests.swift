import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

struct PreprocessingRuleTests {
  static let imageNet = ["0.485", "0.456", "0.406"]
  static let half = ["0.5", "0.5", "0.5"]
  static let clip = ["0.48145466", "0.4578275", "0.40821073"]

  private func load(_ name: String) throws -> LoadedCheckpoint {
    let reference = try ReferenceCase(name)
    return try LoadedCheckpoint.load(
      reference.checkpointPath(), LoadOptions(configuration: reference.configuration))
  }

  private func spelled(_ json: JSON?) -> [String] { json?.array?.map { $0.text() } ?? [] }

  @Test(arguments: [
    ("vit_timm_layer_scale", imageNet, "bicubic", 0.9), ("vit_timm_registers", imageNet, "bicubic", 1),
    ("vit_timm_clip", clip, "bicubic", 1), ("vit_timm_map", half, "bicubic", 0.9),
    ("vit_timm_safetensors", half, "bicubic", 0.9), ("vit_timm_hybrid", half, "bicubic", 0.9),
    ("vit_hf_safetensors", half, "bilinear", 1), ("deit_hf_tf_h5", imageNet, "bicubic", 0.875),
    ("vit_hf_dinov2_safetensors", imageNet, "bicubic", 0.875), ("vit_dinov2_pth", imageNet, "bicubic", 0.875),
    ("vit_hf_clip_safetensors", clip, "bicubic", 1), ("vit_openclip_safetensors", clip, "bicubic", 1),
    ("vit_jax_npz", half, "bilinear", 1), ("vit_bigvision_map_npz", half, "bilinear", 1),
    ("vit_keras_pkg_h5", half, "bilinear", 1), ("vit_kecam_h5", half, "bilinear", 1),
    ("swin_timm_safetensors", imageNet, "bicubic", 0.9), ("swin_microsoft_pth", imageNet, "bicubic", 0.875),
    ("swin_hf_safetensors", imageNet, "bicubic", 1), ("swin_tfswin_h5", imageNet, "bicubic", 0.875),
    ("cvt_hf_safetensors", imageNet, "bicubic", 0.875), ("t2t_yitu_pth", imageNet, "bicubic", 0.9),
    ("resnet_timm_safetensors", imageNet, "bicubic", 0.95),
    ("resnet_hf_safetensors", imageNet, "bicubic", 0.875),
    ("drloc_vit", imageNet, "bicubic", 0.875),
  ])
  func filesGetTheirLibrarysPreprocessing(
    _ name: String, _ mean: [String], _ interpolation: String, _ crop: Double
  ) throws {
    let loaded = try load(name)
    let found = try #require(loaded.metadata.preprocessing)
    #expect(spelled(found["mean"]) == mean)
    #expect(found["interpolation"]?.string == interpolation)
    #expect(found["crop"]?.double == crop)
    #expect(found["size"] == loaded.metadata.configuration["image_size"])
  }

  @Test(arguments: ["resnet_keras_legacy_h5", "resnet_keras3_h5"])
  func kerasNetworksWantBytesWithTheMeanTakenOff(_ name: String) throws {
    let found = try #require(try load(name).metadata.preprocessing)
    #expect(found["channel_order"]?.string == "bgr")
    #expect(found["scale"]?.int == 255)
    #expect(spelled(found["mean"]) == ["103.939", "116.779", "123.68"])
    #expect(spelled(found["std"]) == ["1", "1", "1"])
    #expect(found["interpolation"]?.string == "nearest")
    #expect(found["resize"]?.string == "squash")
  }

  /// What is in doubt is reported once, what is certain is not.
  @Test(arguments: [
    ("vit_timm_safetensors", true), ("vit_hf_safetensors", true), ("vit_lucidrains_pth", true),
    ("vit_timm_registers", false), ("vit_timm_map", false), ("vit_jax_npz", false),
    ("swin_timm_safetensors", false),
    ("vit_hf_dinov2_safetensors", false), ("resnet_keras3_h5", false),
  ])
  func onlyDoubtsAreTold(_ name: String, _ isInDoubt: Bool) throws {
    let notes = try load(name).notes.filter { $0.key == "preprocessing" }
    #expect(notes.count == (isInDoubt ? 1 : 0))
    #expect(notes.allSatisfy { $0.text.contains("0.5") || $0.text.contains("0.485") })
  }

  @Test func whatTheFileSaysItselfComesFirst() throws {
    let loaded = try load("vit_timm_safetensors")
    var metadata = loaded.metadata
    metadata.preprocessing = .object(["size": .int(64), "crop": .int(1)])
    let written = try ExportedCheckpoint.make(loaded.native, metadata: metadata, dialect: "timm")
    let again = try LoadedCheckpoint.load(written.store, LoadOptions(), path: nil)
    #expect(again.metadata.preprocessing == metadata.preprocessing)
    #expect(again.notes.allSatisfy { $0.key != "preprocessing" })
  }

  /// Stores that were made before rule files knew of preprocessing.
  @Test func nativeStoresWithoutItTakeTheirOrigins() throws {
    let loaded = try load("resnet_keras3_h5")
    var metadata = loaded.metadata
    metadata.preprocessing = nil
    metadata.provenance = .object(["source_dialect": .string(loaded.dialect)])
    let written = try ExportedCheckpoint.make(loaded.native, metadata: metadata, dialect: "native")
    let again = try LoadedCheckpoint.load(written.store, LoadOptions(), path: nil)
    #expect(again.metadata.preprocessing == loaded.metadata.preprocessing)
  }

  @Test func exportsSayWhatImagesTheNetworkWants() throws {
    let loaded = try load("vit_timm_safetensors")
    var metadata = loaded.metadata
    func made(_ dialect: String) throws -> ExportedCheckpoint {
      try ExportedCheckpoint.make(loaded.native, metadata: metadata, dialect: dialect)
    }
    #expect(try made("jax-vit").remarks.allSatisfy { !$0.contains("images") })
    metadata.preprocessing = metadata.preprocessing?.replacing([
      "mean": .array(Self.imageNet.map { .number($0) })
    ])
    let remark = try #require(try made("jax-vit").remarks.first { $0.contains("images for this network") })
    #expect(remark.contains("mean 0.485 0.456 0.406") && remark.contains("mean 0.5 0.5 0.5"))
    #expect(try made("native").remarks.isEmpty)
    let python = try #require(
      try made("timm").pythonSnippet(metadata.configuration, files: ["vit.safetensors"], format: .safetensors)
    )
    #expect(python.contains("# Images: resized to 71 (shorter side, bicubic), center crop 64 x 64;"))
    #expect(python.hasSuffix("# RGB, (x / 255 - mean) / std, mean 0.485 0.456 0.406, std 0.5 0.5 0.5."))
  }

  @Test func wordsForBytesAndSquares() {
    let words = PreprocessingText(
      .object([
        "size": .int(48), "resize": .string("crop-first"), "interpolation": .string("bilinear"),
        "antialias": .bool(false), "crop": .int(1), "channel_order": .string("bgr"), "scale": .int(255),
        "mean": .array([.int(1), .int(2), .int(3)]), "std": .array([.int(1), .int(1), .int(1)]),
      ]))
    #expect(
      words.geometry == "largest center square, resized to 48 x 48 (bilinear without antialiasing)"
    )
    #expect(words.numbers == "BGR, (x - mean) / std, mean 1 2 3, std 1 1 1")
  }

  @Test func everyDialectSaysIt() throws {
    for file in try Dialects.all() {
      #expect(file.preprocessing(.null, variant: "") != nil, "\(file.fileName)")
    }
  }

  private func rules(_ section: String) throws -> RuleFile {
    try RuleFile(
      fileName: "own.yaml",
      text: """
        architecture: vit
        dialect: own
        description: own
        library: own
        format: npz
        detect: [w]
        axes: {D: embed_dim}
        tensors:
          - {native: norm.weight, source: w, axes: D}
        preprocessing:
        \(section)
        """)
  }

  @Test func laterEntriesGiveWhatEarlierOnesLeaveOpen() throws {
    let file = try rules(
      """
        - {when: embed_dim > 64, crop: 1.0, doubt: some crop}
        - {statistics: clip, interpolation: bicubic, crop: 0.9}
      """)
    let (large, doubts) = try #require(
      file.preprocessing(.object(["embed_dim": .int(96), "image_size": .int(32)]), variant: ""))
    #expect(large["crop"]?.double == 1 && spelled(large["mean"]) == Self.clip && large["size"]?.int == 32)
    #expect(doubts == ["crop 1: the file does not say; some crop"])
    let small = file.preprocessing(.object(["embed_dim": .int(32)]), variant: "")
    #expect(small?.values["crop"]?.double == 0.9 && small?.doubts == [])
  }

  @Test(arguments: [
    ("  - {statistics: imagenet, interpolation: bicubic}", "crop"),
    ("  - {statistics: imagnet, interpolation: bicubic, crop: 1}", "known are"),
    ("  - {statistics: half, interpolation: cubic, crop: 1}", "cubic"),
    ("  - {mean: [1, 2], std: [1, 1, 1], interpolation: bicubic, crop: 1}", "three numbers"),
    ("  - {statistics: half, interpolation: bicubic, crop: 1.5}", "fraction"),
    ("  - {statistics: half, interpolation: bicubic, crop: 1, antialas: false}", "antialas"),
  ])
  func mistakesAreNamed(_ section: String, _ word: String) throws {
    let failure = #expect(throws: Failure.self) { try rules(section) }
    #expect(failure?.description.contains(word) == true)
  }
}
