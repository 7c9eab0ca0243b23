#if os(Linux)
  import Foundation
  import Testing
  import TestSupport

  /// A small training run whose calls are disturbed, and what it comes to undisturbed.
  final class FaultyRun {
    /// Holds the run and its export.
    let folder: String
    let begin: [String]
    let reference: Faults.Outcome
    /// Checkpoints, metrics and export of the undisturbed run.
    private(set) var expected: [String: Data] = [:]
    private let place: TemporaryFolder

    private static let network = """
      {"architecture": "vit", "image_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2, "mlp_dim": 32,
      "num_classes": 2, "norm_eps": 1e-6, "activation": "gelu"}
      """

    init() throws {
      place = try TemporaryFolder()
      folder = place.file("out")
      let data = try Self.images(place)
      begin = [
        "finetune", "--from-scratch", "--model-config", Self.network, "--data", data, "--output",
        folder + "/run",
        "--export", folder + "/export.safetensors", "--epochs", "5", "--batch-size", "3", "--warmup-epochs",
        "1",
        "--learning-rate", "3e-3", "--drloc-pairs", "4", "--dropout", "0.1", "--drop-path", "0.1",
        "--threads", "1",
      ]
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      reference = try Faults.run(begin, watching: folder)
      try #require(reference.status == 0, "\(reference.error)")
      expected = try state()
      try #require(expected.count == 4)
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
      for name in [
        "run/checkpoints/last.safetensors", "run/checkpoints/best.safetensors", "export.safetensors",
      ] {
        result[name] = content[name]
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
      try Faults.content(folder).keys.filter { $0.contains(".partial-") || $0.hasSuffix("run.lock") }.sorted()
    }

    /// Every call fails; 200 of them, evenly chosen, are where the process ends.
    func allPoints(for kind: Faults.Kind) -> [Faults.Point] {
      let points = reference.points
      guard kind == .kill, points.count > 200 else { return points }
      return (0..<200).map { points[$0 * points.count / 200] }
    }

    /// A few calls for each kind of fault, by the files that they touch: what sets the folder up, what saves, what records, what
    /// comes after training. Of such calls the last one.
    func sample(for kind: Faults.Kind) throws -> [Faults.Point] {
      try Self.samples[kind, default: []].map { kind, file in
        let index = reference.calls.lastIndex {
          $0.kind == kind && ($0.path.hasSuffix(file) || $0.path.contains("/\(file).partial-"))
        }
        return reference.points[try #require(index, "no \(kind) of \(file)")]
      }
    }

    private static let samples: [Faults.Kind: [(kind: String, file: String)]] = [
      .noSpace: [
        ("mkdir", "out/run"), ("ftruncate", "run.lock"), ("write", "metrics.jsonl"),
        ("link", "previous.safetensors"), ("write", "export.safetensors"),
      ],
      .failure: [
        ("mkdir", "checkpoints"), ("pwrite", "run.lock"), ("write", "best.safetensors"),
        ("close", "last.safetensors"), ("read", "exports.json"), ("rename", "previous.safetensors"),
      ],
      .kill: [
        ("rename", "config.json"), ("write", "last.safetensors"), ("rename", "previous.safetensors"),
        ("rename", "last.safetensors"), ("rename", "exports.json"),
      ],
    ]
  }
#endif
