#if os(Linux)
  import Foundation
  import Testing
  import TestSupport

  /// A small training run whose calls are disturbed, and what it comes to undisturbed.
  final class FaultyRun {
    /// With as much of a recipe as goes together.
    enum Setting: String, CaseIterable, Sendable {
      /// What changes images, batches, rates, weights and checkpoints.
      case everything
      /// Low-rank adapters, and a cache on the disk of what is frozen.
      case adapters

      fileprivate var options: [String] {
        let common = ["--keep-best", "2", "--save-every", "3", "--accumulate", "2", "--ema", "0.9"]
        let own =
          switch self {
          case .everything:
            [
              "--dropout", "0.1", "--drop-path", "0.1", "--mixup", "0.4", "--cutmix", "1", "--layer-decay",
              "0.8", "--label-smoothing", "0.2", "--auto-augment", "rand-m9-mstd0.5-inc1", "--color-jitter",
              "0.2", "--random-erase", "0.5", "--random-erase-mode", "pixel", "--sampling", "balanced",
              "--repeats", "2", "--schedule", "one-cycle", "--rotation", "10", "--patience", "5",
            ]
          case .adapters:
            [
              "--lora-rank", "2", "--no-augmentation", "--cache", "1MB", "--cache-on-disk", "--optimizer",
              "sgd", "--warmup-epochs", "1",
            ]
          }
        return common + own
      }

      /// What the run leaves beside checkpoints.
      fileprivate var fileCount: Int { self == .adapters ? 8 : 6 }
    }

    let setting: Setting
    /// Holds the run and its export.
    let folder: String
    let begin: [String]
    let reference: Faults.Outcome
    /// Checkpoints, metrics, export and adapters of the undisturbed run.
    private(set) var expected: [String: Data] = [:]
    private let place: TemporaryFolder

    private static let network = """
      {"architecture": "vit", "image_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2, "mlp_dim": 32,
      "num_classes": 2, "norm_eps": 1e-6, "activation": "gelu"}
      """

    init(_ setting: Setting) throws {
      self.setting = setting
      place = try TemporaryFolder()
      folder = place.file("out")
      let data = try Self.images(place)
      begin =
        [
          "finetune", "--from-scratch", "--model-config", Self.network, "--data", data, "--output",
          folder + "/run",
          "--export", folder + "/export.safetensors", "--epochs", "5", "--batch-size", "3",
          "--learning-rate", "3e-3", "--drloc-pairs", "4", "--threads", "1",
        ] + setting.options
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      reference = try Faults.run(begin, watching: folder)
      try #require(reference.status == 0, "\(reference.error)")
      expected = try state()
      try #require(expected.count == setting.fileCount, "\(expected.keys.sorted())")
    }

    private static func images(_ place: TemporaryFolder) throws -> String {
      let all = try FinetuneTests.data(place, perClass: 4)
      for set in ["train", "val"] { try FileManager.default.removeItem(atPath: "\(all)/\(set)/music") }
      return all
    }

    func clear() throws {
      try FileManager.default.removeItem(atPath: folder)
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    }

    /// What a user does next: goes on, or begins again where nothing had begun.
    var next: [String] {
      FileManager.default.fileExists(atPath: folder + "/run/config.json")
        ? ["finetune", "--resume", folder + "/run", "--threads", "1"] : begin
    }

    /// What must come out the same.
    func state() throws -> [String: Data] {
      let content = try Faults.content(folder)
      var result: [String: Data] = [:]
      // When `previous` was written depends on where the run was stopped.
      for (name, data) in content
      where name.hasSuffix(".safetensors") && name != "run/checkpoints/previous.safetensors"
        || name.hasPrefix("run/adapter/") && !name.hasSuffix("/")
      {
        result[name] = data
      }
      result["run/metrics.jsonl"] = content["run/metrics.jsonl"].map { data in
        // All but the times.
        let text = String(decoding: data, as: UTF8.self)
        return Data(
          text.replacingOccurrences(
            of: #""(seconds|images_per_second|time)":[-+.e0-9]+"#, with: "", options: .regularExpression
          ).utf8)
      }
      return result
    }

    /// What a process should have tidied up.
    func left() throws -> [String] {
      try Faults.content(folder).keys.filter {
        $0.contains(".partial-") || $0.hasSuffix("run.lock") || $0.contains(".features-")
      }.sorted()
    }

    /// Every call fails; 200 of them, evenly chosen, are where the process ends. With adapters the process only ends.
    func allPoints(for kind: Faults.Kind) -> [Faults.Point] {
      let points = reference.points
      guard kind == .kill else { return setting == .everything ? points : [] }
      guard points.count > 200 else { return points }
      return (0..<200).map { points[$0 * points.count / 200] }
    }

    /// A few calls for each kind of fault, by the files that they touch: what sets the folder up, what saves, what records, what
    /// comes after training. Of such calls the last one.
    func sample(for kind: Faults.Kind) throws -> [Faults.Point] {
      let samples = setting == .everything ? Self.samples : Self.adapterSamples
      return try samples[kind, default: []].map { kind, file in
        let index = reference.calls.lastIndex {
          $0.kind == kind
            && ($0.path.hasSuffix(file) || $0.path.contains("/\(file).partial-")
              || file.hasSuffix("-") && $0.path.contains("/" + file))
        }
        return reference.points[try #require(index, "no \(kind) of \(file)")]
      }
    }

    private static let samples: [Faults.Kind: [(kind: String, file: String)]] = [
      .noSpace: [
        ("mkdir", "out/run"), ("ftruncate", "run.lock"), ("write", "metrics.jsonl"),
        ("link", "previous.safetensors"), ("write", "export.safetensors"), ("write", "epoch-"),
      ],
      .failure: [
        ("mkdir", "checkpoints"), ("pwrite", "run.lock"), ("write", "epoch-"),
        ("close", "last.safetensors"), ("read", "exports.json"), ("rename", "previous.safetensors"),
        ("link", "best.safetensors"),
      ],
      .kill: [
        ("rename", "config.json"), ("write", "last.safetensors"), ("rename", "previous.safetensors"),
        ("rename", "last.safetensors"), ("rename", "exports.json"), ("rename", "epoch-"),
        ("rename", "best.safetensors"),
      ],
    ]

    private static let adapterSamples: [Faults.Kind: [(kind: String, file: String)]] = [
      .kill: [("write", "last.safetensors"), ("rename", "adapter_config.json")]
    ]
  }
#endif
