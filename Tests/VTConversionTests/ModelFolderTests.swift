import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

/// Folders as Hugging Face, timm and open_clip lay them out.
struct ModelFolderTests {
  /// A folder with a reference case's weights and JSON files.
  private static func folder(
    _ name: String, as weights: String, _ documents: [String: String], in place: TemporaryFolder
  ) throws -> String {
    let path = place.file("my-model")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: ReferenceCase(name).checkpointPath(), toPath: path + "/" + weights)
    for (name, text) in documents { try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name)) }
    return path
  }

  /// timm's ResNets have torchvision's names; the folder says whose they are, and what its network is.
  @Test func aFolderOfTimmsResNetIsTimms() throws {
    let place = try TemporaryFolder()
    func document(_ arguments: String) -> String {
      """
      {"architecture": "resnet50", "num_classes": 10, "model_args": \(arguments),
       "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "interpolation": "bicubic", "crop_pct": 0.95}}
      """
    }
    let path = try Self.folder(
      "resnet_timm_safetensors", as: "model.safetensors", ["config.json": document("{}")], in: place)
    let loaded = try LoadedCheckpoint.load(path)
    #expect(loaded.dialect == "timm")
    let images = try #require(loaded.metadata.preprocessing)
    #expect(images["mean"]?.array?.compactMap(\.double) == [0.1, 0.2, 0.3])
    #expect(images["crop"]?.double == 0.95 && images["interpolation"]?.string == "bicubic")
    for argument in ["act_layer\": \"silu", "global_pool\": \"max", "output_stride\": \"16"] {
      try Data(document("{\"\(argument)\"}").utf8).write(to: URL(fileURLWithPath: path + "/config.json"))
      let failure = #expect(throws: Failure.self) { try LoadedCheckpoint.load(path) }
      #expect(failure?.problem.hasPrefix("model_args.") == true, "\(failure?.problem ?? "")")
    }
    for name in ["resnetblur50", "resnetaa50d"] {
      let text = document("{}").replacing("\"resnet50\"", with: "\"\(name)\"")
      try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/config.json"))
      let failure = #expect(throws: Failure.self) { try LoadedCheckpoint.load(path) }
      #expect(failure?.problem.hasPrefix("architecture is '\(name)'") == true, "\(failure?.problem ?? "")")
    }
  }

  /// The name says which function made the network, its arguments what is different.
  @Test func aShortenedNetworkOfTimmHasItsFunctionsHeads() throws {
    let place = try TemporaryFolder()
    let config = #"{"architecture": "vit_tiny_patch16_224", "model_args": {"depth": 2}, "num_classes": 10}"#
    let path = try Self.folder(
      "vit_timm_safetensors", as: "model.safetensors", ["config.json": config.replacing("2}", with: "3}")],
      in: place)
    func load() throws -> JSON { try LoadedCheckpoint.load(path).metadata.configuration }
    let depth =
      try LoadedCheckpoint.load(
        ReferenceCase("vit_timm_safetensors").checkpointPath(),
        LoadOptions(configuration: .object(["num_heads": .int(3)]))
      ).metadata.configuration["depth"]?.text() ?? ""
    func write(_ arguments: String) throws {
      let text =
        #"{"architecture": "vit_tiny_patch16_224", "model_args": {\#(arguments)}, "num_classes": 10}"#
      try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/config.json"))
    }
    try write("\"depth\": \(depth)")
    #expect(try load()["num_heads"] == .int(3))
    try write("\"depth\": \(depth), \"num_heads\": 6")
    #expect(try load()["num_heads"] == .int(6))
  }

  @Test func aNormBehindTheClassTokenIsNamed() throws {
    let place = try TemporaryFolder()
    let config =
      #"{"architecture": "vit_base_patch16_224", "global_pool": "token", "model_args": {"fc_norm": true}}"#
    let path = try Self.folder(
      "vit_timm_fc_norm", as: "model.safetensors", ["config.json": config], in: place)
    let failure = #expect(throws: Failure.self) { try LoadedCheckpoint.load(path) }
    #expect(failure?.problem.contains("model_args.fc_norm is 'true': with the class token pooled") == true)
    #expect(failure?.hint?.contains("fetch") == false, "\(String(describing: failure))")
    try Data(config.replacing("token", with: "avg").utf8).write(
      to: URL(fileURLWithPath: path + "/config.json"))
    let heads = LoadOptions(configuration: .object(["num_heads": .int(3)]))
    #expect(
      try LoadedCheckpoint.load(path, heads).metadata.configuration["norm_after_pooling"] == .bool(true))
  }

  /// Not every norm of the library follows its file's epsilon.
  @Test func aSwinOfAnotherEpsilonIsRefused() throws {
    func load(_ eps: String) throws -> LoadedCheckpoint {
      let place = try TemporaryFolder()
      let config =
        #"{"architectures": ["SwinForImageClassification"], "model_type": "swin", "layer_norm_eps": \#(eps)}"#
      let path = try Self.folder(
        "swin_hf_safetensors", as: "model.safetensors", ["config.json": config], in: place)
      return try LoadedCheckpoint.load(path, LoadOptions(configuration: .object(["image_size": .int(64)])))
    }
    for eps in ["1e-06", "1e-4"] {
      let failure = #expect(throws: Failure.self) { try load(eps) }
      #expect(
        failure?.problem.contains("layer_norm_eps is '\(eps)'") == true, "\(String(describing: failure))")
    }
    for eps in ["1e-05", "0.00001", "1.001e-05"] {
      let failure = (try? load(eps)) == nil
      #expect(!failure, "\(eps)")
    }
  }

  @Test(arguments: ["-1e-6", "0", "\"NaN\"", "NaN"])
  func anEpsilonThatIsNoneIsNamed(_ eps: String) throws {
    let place = try TemporaryFolder()
    let path = try Self.folder(
      "vit_hf_safetensors", as: "model.safetensors",
      ["config.json": Self.config.replacing("1e-06", with: eps)], in: place)
    let failure = #expect(throws: Failure.self) { try LoadedCheckpoint.load(path) }
    #expect(failure?.file == path + "/config.json", "\(String(describing: failure))")
    #expect(
      failure?.problem.contains("layer_norm_eps is") == true
        || failure?.problem.contains("malformed JSON") == true)
  }

  /// Without its configuration file a file of the library says less than the network is.
  @Test func whatABareFileDoesNotSayIsToldOnce() throws {
    let place = try TemporaryFolder()
    for (name, keys) in [
      ("vit_hf_safetensors", "activation = gelu, norm_eps = 1e-12"),
      ("swin_hf_safetensors", "activation = gelu, norm_eps = 1e-05"),
      ("resnet_hf_safetensors", "stride_in_first = false, activation = relu"),
      ("resnet_hf_basic_safetensors", "activation = relu"),
    ] {
      let path = place.file(name + ".safetensors")
      try FileManager.default.copyItem(atPath: ReferenceCase(name).checkpointPath(), toPath: path)
      let options = LoadOptions(configuration: name.hasPrefix("vit") ? .object(["num_heads": .int(4)]) : nil)
      let told = try LoadedCheckpoint.load(path, options).notes.filter {
        $0.text.contains("config.json beside it would")
      }
      #expect(
        told.map(\.text.localizedLowercase).first?.hasPrefix(keys + ": the file does not record") == true,
        "\(told)")
      #expect(told.count == 1)
    }
  }

  @Test func aResNetThatShrinksInItsFirstStageIsRefused() throws {
    let place = try TemporaryFolder()
    let config = """
      {"architectures": ["ResNetForImageClassification"], "model_type": "resnet", "downsample_in_first_stage": true}
      """
    let path = try Self.folder(
      "resnet_hf_safetensors", as: "model.safetensors", ["config.json": config], in: place)
    let failure = #expect(throws: Failure.self) { try LoadedCheckpoint.load(path) }
    #expect(failure?.problem.contains("downsample_in_first_stage") == true, "\(failure?.problem ?? "")")
  }

  /// transformers takes Pillow's number for a way to resize, or its name.
  @Test func resamplingIsReadByNumberOrName() throws {
    for (text, interpolation) in [("3", "bicubic"), ("\"bicubic\"", "bicubic"), ("0", "nearest")] {
      let place = try TemporaryFolder()
      let processor = Self.processor.replacing("\"resample\": 2", with: "\"resample\": \(text)")
      let path = try Self.folder(
        "vit_hf_safetensors", as: "model.safetensors",
        ["config.json": Self.config, "preprocessor_config.json": processor], in: place)
      let images = try LoadedCheckpoint.load(path).metadata.preprocessing
      #expect(images?["interpolation"]?.string == interpolation, "\(text)")
    }
  }

  /// `vit_hf_safetensors` as transformers would describe it; 4 heads are not what its width suggests.
  private static let config = """
    {"architectures": ["ViTForImageClassification"], "model_type": "vit", "hidden_size": 48, "image_size": 64,
     "patch_size": 16, "num_channels": 3, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 192,
     "qkv_bias": true, "layer_norm_eps": 1e-06, "hidden_act": "gelu_pytorch_tanh",
     "id2label": {"0": "a", "1": "b", "2": "c", "3": "d", "4": "e", "5": "f", "6": "g", "7": "h", "8": "i", "9": "j"}}
    """
  private static let processor = """
    {"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"height": 64, "width": 64},
     "resample": 2, "do_rescale": true, "rescale_factor": 0.00392156862745098, "do_normalize": true,
     "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}
    """

  @Test func whatTheFilesSayIsUsed() throws {
    let place = try TemporaryFolder()
    let path = try Self.folder(
      "vit_hf_safetensors", as: "model.safetensors",
      ["config.json": Self.config, "preprocessor_config.json": Self.processor], in: place)
    for path in [path, path + "/", path + "/model.safetensors"] {
      let loaded = try LoadedCheckpoint.load(path)
      let configuration = loaded.metadata.configuration
      #expect(configuration["num_heads"]?.int == 4)
      #expect(configuration["norm_eps"]?.double == 1e-6)
      #expect(configuration["activation"]?.string == "gelu_tanh")
      #expect(loaded.metadata.classes == "abcdefghij".map(String.init))
      let images = try #require(loaded.metadata.preprocessing)
      #expect(images["resize"]?.string == "squash" && images["interpolation"]?.string == "bilinear")
      #expect(images["mean"]?.array?.compactMap(\.double) == [0.1, 0.2, 0.3])
      #expect(images["std"]?.array?.compactMap(\.double) == [0.4, 0.5, 0.6])
      #expect(images["size"]?.int == 64 && images["crop"]?.double == 1)
      #expect(!loaded.notes.contains { $0.kind == .assumed }, "\(loaded.notes.map(\.text))")
      #expect(loaded.notes.contains { $0.text.contains("num_heads = 4") && $0.text.contains("config.json") })
      #expect(loaded.notes.contains { $0.key == "classes" })
      #expect(loaded.notes.contains { $0.key == "preprocessing" })
    }
    // The user's own word counts more.
    let given = try LoadedCheckpoint.load(path, LoadOptions(configuration: .object(["num_heads": .int(6)])))
    #expect(given.metadata.configuration["num_heads"]?.int == 6)
  }

  @Test(arguments: [
    (#""hidden_size": 48"#, #""hidden_size": 96"#, "hidden_size = 96, the tensors 48"),
    (#""num_hidden_layers": 2"#, #""num_hidden_layers": 3"#, "num_hidden_layers = 3, the tensors 2"),
    (#""model_type": "vit""#, #""model_type": "beit""#, "about another network (model_type = \"beit\")"),
    (#", "9": "j"}"#, "}", "9 classes, the tensors 10"),
    (#""9": "j""#, #""11": "j""#, "id2label's numbers"),
    (#""qkv_bias": true,"#, #""qkv_bias" true,"#, "JSON"),
    ("\"image_size\": 64", "\"image_size\": 80", "image_size = 80, the tensors 64"),
  ])
  func contradictionsAreErrorsInAFolder(_ text: String, _ wrong: String, _ message: String) throws {
    let place = try TemporaryFolder()
    let changed = Self.config.replacing(text, with: wrong)
    #expect(changed != Self.config)
    let path = try Self.folder(
      "vit_hf_safetensors", as: "model.safetensors", ["config.json": changed], in: place)
    let failure = #expect(throws: Failure.self) { try LoadedCheckpoint.load(path) }
    #expect(
      failure?.kind == .badInput && failure?.file == path + "/config.json", "\(String(describing: failure))")
    #expect(failure?.problem.contains(message) == true, "\(String(describing: failure))")
    // Beside a file that was named, such a file says nothing.
    let loaded = try LoadedCheckpoint.load(
      path + "/model.safetensors", LoadOptions(configuration: .object(["num_heads": .int(4)])))
    #expect(loaded.metadata.classes == nil)
    #expect(loaded.metadata.configuration["norm_eps"]?.double == 1e-12)
  }

  @Test func preparationsThatCannotBeAreErrors() throws {
    for (text, wrong, message) in [
      (#""height": 64, "width": 64"#, #""height": 64, "width": 48"#, "64 x 48"),
      ("[0.4, 0.5, 0.6]", "[0.4, 0, 0.6]", "image_std"), ("[0.1, 0.2, 0.3]", "[0.1, 0.2]", "image_mean"),
    ] {
      let place = try TemporaryFolder()
      let path = try Self.folder(
        "vit_hf_safetensors", as: "model.safetensors",
        [
          "config.json": Self.config, "preprocessor_config.json": Self.processor.replacing(text, with: wrong),
        ],
        in: place)
      let failure = #expect(throws: Failure.self) { try LoadedCheckpoint.load(path) }
      #expect(failure?.description.contains(message) == true, "\(String(describing: failure))")
      #expect(failure?.file == path + "/preprocessor_config.json")
    }
  }

  /// DINOv2 is published at 518 pixels and fed 224.
  @Test func imagesOfAnotherSizeAreTold() throws {
    let place = try TemporaryFolder()
    let text = Self.processor.replacing(#""height": 64, "width": 64"#, with: #""height": 80, "width": 80"#)
    let path = try Self.folder(
      "vit_hf_safetensors", as: "model.safetensors",
      ["config.json": Self.config, "preprocessor_config.json": text], in: place)
    let loaded = try LoadedCheckpoint.load(path)
    #expect(loaded.metadata.preprocessing?["size"]?.int == 64)
    #expect(loaded.notes.contains { $0.text.contains("--image-size 80") })
  }

  @Test(arguments: [
    // transformers' ways of preparing images of 64, and ours.
    (
      #"{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 73}, "crop_size": 64}"#,
      "shortest-edge", 73
    ),
    (
      #"{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 64}, "crop_pct": 0.875}"#,
      "shortest-edge", 73
    ),
    (#"{"feature_extractor_type": "DeiTFeatureExtractor", "size": 80, "crop_size": 64}"#, "squash", 80),
    (#"{"feature_extractor_type": "ViTFeatureExtractor", "size": 64}"#, "squash", 64),
    (
      #"{"image_processor_type": "BitImageProcessorFast", "size": {"shortest_edge": 64}, "crop_size": {"height": 64, "width": 64}, "resample": 0}"#,
      "shortest-edge", 64
    ),
  ])
  func processorsAreUnderstood(_ text: String, _ resize: String, _ side: Int) throws {
    let place = try TemporaryFolder()
    let path = try Self.folder(
      "vit_hf_safetensors", as: "model.safetensors",
      ["config.json": Self.config, "preprocessor_config.json": text], in: place)
    let images = try #require(try LoadedCheckpoint.load(path).metadata.preprocessing)
    #expect(images["resize"]?.string == resize && images["size"]?.int == 64)
    let crop = try #require(images["crop"]?.double)
    #expect(ImageDescription.resizedSide(64, crop) == side)
    #expect(
      images["interpolation"]?.string
        == (text.contains("resample") ? "nearest" : text.contains("ViT") ? "bilinear" : "bicubic"))
  }

  /// Pixels that are not scaled, or scaled otherwise, are said in mean and deviation.
  @Test func otherScalesAreKept() throws {
    for (change, mean, std) in [
      (#""do_rescale": false"#, 0.1 / 255, 0.4 / 255),
      (#""do_rescale": true, "rescale_factor": 0.00784313725490196"#, 0.05, 0.2),
    ] {
      let place = try TemporaryFolder()
      let text = Self.processor.replacing(
        #""do_rescale": true, "rescale_factor": 0.00392156862745098"#, with: change)
      let path = try Self.folder(
        "vit_hf_safetensors", as: "model.safetensors",
        ["config.json": Self.config, "preprocessor_config.json": text], in: place)
      let images = try #require(try LoadedCheckpoint.load(path).metadata.preprocessing)
      #expect(abs((images["mean"]?.array?[0].double ?? 0) - mean) < 1e-9)
      #expect(abs((images["std"]?.array?[0].double ?? 0) - std) < 1e-9)
    }
  }

  @Test func timmsAndOpenClipsFilesAreUsed() throws {
    let place = try TemporaryFolder()
    let timm = try Self.folder(
      "vit_timm_safetensors", as: "model.safetensors",
      [
        "config.json": """
        {"architecture": "vit_base_patch16_224", "num_classes": 10, "label_names": ["one", "2", "3", "4", "5", "6", "7", "8", "9", "10"], "global_pool": "token",
         "model_args": {"num_heads": 3, "act_layer": "gelu_tanh"},
         "pretrained_cfg": {"input_size": [3, 64, 64], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center",
         "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}}
        """
      ], in: place)
    let hub = try LoadedCheckpoint.load(timm)
    #expect(hub.metadata.configuration["num_heads"]?.int == 3)
    #expect(hub.metadata.configuration["activation"]?.string == "gelu_tanh")
    #expect(hub.metadata.preprocessing?["crop"]?.double == 0.9)
    #expect(hub.metadata.classes?.first == "one")
    let other = try TemporaryFolder()
    let clip = try Self.folder(
      "vit_openclip_safetensors", as: "open_clip_model.safetensors",
      [
        "open_clip_config.json": """
        {"model_cfg": {"embed_dim": 32, "quick_gelu": true, "vision_cfg": {"head_width": 16}, "text_cfg": {}},
         "preprocess_cfg": {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}}
        """
      ], in: other)
    let loaded = try LoadedCheckpoint.load(clip)
    #expect(loaded.metadata.configuration["head_dim"]?.int == 16)
    #expect(loaded.metadata.configuration["activation"]?.string == "quick_gelu")
    #expect(loaded.metadata.preprocessing?["mean"]?.array?.first?.double == 0.48145466)
    #expect(!loaded.notes.contains { $0.key == "activation" && $0.kind == .assumed })
  }

  @Test func theUsualWeightsFileIsChosen() throws {
    let place = try TemporaryFolder()
    let path = try Self.folder(
      "vit_hf_safetensors", as: "other.safetensors", ["config.json": Self.config], in: place)
    // One weights file of whatever name.
    #expect(try ModelFolder(path).weights == path + "/other.safetensors")
    for name in ["tf_model.h5", "pytorch_model.bin", "model.safetensors.index.json", "model.safetensors"] {
      try Data().write(to: URL(fileURLWithPath: path + "/" + name))
      #expect(try ModelFolder(path).weights == path + "/" + name)
    }
    #expect(try ModelFolder(path).notes.first?.text.contains("pytorch_model.bin") == true)
    for name in try FileManager.default.contentsOfDirectory(atPath: path) {
      try FileManager.default.removeItem(atPath: path + "/" + name)
    }
    #expect(throws: Failure.self) { try ModelFolder(path) }
    for name in ["a.pth", "b.npz"] { try Data().write(to: URL(fileURLWithPath: path + "/" + name)) }
    let failure = #expect(throws: Failure.self) { try ModelFolder(path) }
    #expect(failure?.hint?.contains("a.pth") == true)
  }

  // MARK: Writing

  /// What a folder says is what was written into it, with nothing told by hand; and its weights are the same.
  @Test(arguments: DialectTests.cases)
  func foldersComeBack(_ name: String) throws {
    let (reference, _, loaded) = try DialectTests.load(name)
    let architecture = reference.document["architecture"]?.string
    var metadata = loaded.metadata
    let size = metadata.configuration["image_size"]?.int ?? 224
    let count = metadata.configuration["num_classes"]?.int ?? 0
    metadata.classes = count > 0 ? (0..<count).map { "class é \($0)" } : nil
    metadata.preprocessing = .object([
      "size": .int(size), "resize": .string("shortest-edge"), "interpolation": .string("bilinear"),
      "crop": .double(0.9), "mean": .array([.double(0.1), .double(0.2), .double(0.3)]),
      "std": .array([.double(0.4), .double(0.5), .double(0.6)]),
    ])
    for dialect in try Dialects.withFolders(architecture) {
      let exported: ExportedCheckpoint
      do {
        exported = try ExportedCheckpoint.make(
          loaded.native, metadata: metadata, dialect: dialect, inFolder: true)
      } catch let failure as Failure {
        #expect(failure.problem.hasPrefix("the dialect '\(dialect)' has "), "\(failure)")
        continue
      }
      let place = try TemporaryFolder()
      let folder = try #require(exported.folder)
      // Other libraries' files have no metadata of ours.
      var store = exported.store
      store.metadata = [:]
      try CheckpointFile.writeFolder(
        store, as: folder.weights, documents: folder.documents, to: place.file("my-model/"))
      let back = try LoadedCheckpoint.load(place.file("my-model"))
      #expect(back.dialect == dialect)
      #expect(back.metadata.classes == metadata.classes)
      for key in ["size", "resize", "interpolation", "mean", "std"] {
        #expect(
          back.metadata.preprocessing?[key]?.isSame(as: metadata.preprocessing![key]!) == true,
          "\(dialect) \(key)")
      }
      for member in metadata.configuration.members ?? []
      where !["norm_eps", "window_padding"].contains(member.key) {
        // What is read of a network without a classifier is up to who uses it.
        if member.key == "pooling" && count == 0 { continue }
        let found = back.metadata.configuration[member.key]
        #expect(
          found?.isSame(as: member.value) == true, "\(dialect): \(member.key) \(found?.text() ?? "missing")")
      }
      for tensor in back.native.tensors {
        guard let own = loaded.native[tensor.name] else { continue }
        #expect(try tensor.bytes().array == own.bytes().array)
      }
    }
  }

  @Test func foldersAppearWholeOrNotAtAll() throws {
    let (_, _, loaded) = try DialectTests.load("vit_hf_safetensors")
    let exported = try ExportedCheckpoint.make(
      loaded.native, metadata: loaded.metadata, dialect: "huggingface", inFolder: true)
    let folder = try #require(exported.folder)
    let place = try TemporaryFolder()
    let path = place.file("my-model")
    func write(_ store: StateDict, force: Bool = false, limit: Int? = nil) throws {
      try CheckpointFile.writeFolder(
        store, as: folder.weights, documents: folder.documents, to: path, maximumShard: limit,
        overwrite: force)
    }
    func content() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    // A tensor that cannot be read.
    var broken = exported.store
    try broken.append(StoredTensor(name: "broken", type: .f32, shape: [1]) { throw Failure("no such bytes") })
    #expect(throws: Failure.self) { try write(broken) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.path).isEmpty)
    // An empty folder is not an obstacle; what is in it is only replaced on demand, and only a model.
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try write(exported.store, limit: 20_000)
    #expect(try content().contains("model.safetensors.index.json"))
    #expect(throws: Failure.self) { try write(exported.store) }
    try write(exported.store, force: true)
    #expect(try content() == ["config.json", "model.safetensors", "preprocessor_config.json"])
    #expect(throws: Failure.self) { try write(broken, force: true) }
    #expect(try content() == ["config.json", "model.safetensors", "preprocessor_config.json"])
    try Data("mine".utf8).write(to: URL(fileURLWithPath: path + "/thesis.txt"))
    let failure = #expect(throws: Failure.self) { try write(exported.store, force: true) }
    #expect(failure?.kind == .usage && failure?.problem.contains("thesis.txt") == true)
    #expect(
      try content() == [
        "config.json", "model.safetensors", "preprocessor_config.json", "thesis.txt",
      ])
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.path) == ["my-model"])
  }
}
