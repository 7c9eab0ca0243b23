import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTTensor

@testable import VTModels

/// Configurations that make no sense are explained, whatever the architecture; none traps or takes the memory.
struct ConfigurationTests {
  static func changed(_ preset: String, _ key: String, _ value: JSON) throws -> JSON {
    let members = try (Models.named(preset).configuration.members ?? []).filter { $0.key != key }
    return .object(members + [JSON.Member(key: key, value: value)])
  }

  static func list(_ values: Int...) -> JSON { .array(values.map { .int($0) }) }

  @Test(arguments: [
    (
      "swin_tiny_patch4_window7_224", "num_heads", list(3, 6, 12),
      "'num_heads' has 3 items, not one for each of 4 stages"
    ),
    (
      "swin_tiny_patch4_window7_224", "num_heads", list(3, 6, 12, 7),
      "stage 3 is 768 wide, no multiple of its 7 heads"
    ),
    ("swin_tiny_patch4_window7_224", "depths", .int(4), "'depths' is 4, not a list of integers"),
    (
      "swin_tiny_patch4_window7_224", "window_padding", .string("none"),
      "not one of 'pad_then_roll', 'roll_then_pad'"
    ),
    ("swin_tiny_patch4_window7_224", "image_size", .int(1 << 20), "a grid of 262144 x 262144 tokens"),
    ("swin_tiny_patch4_window7_224", "mlp_ratio", .double(-1), "mlp_ratio -1.0 makes no sense"),
    (
      "cvt_13_224", "class_token", .array([.bool(false), .bool(false), .bool(false)]),
      "pooling 'cls' needs a class token"
    ),
    ("swin_tiny_patch4_window7_224", "norm_eps", .int(0), "'norm_eps' is 0, not a number above 0"),
    ("resnet50", "norm_eps", .number("-1e-5"), "'norm_eps' is -1e-5, not a number above 0"),
    ("cvt_13_224", "batch_norm_eps", .int(-1), "'batch_norm_eps' is -1, not a number above 0"),
    ("vit_tiny_patch16_224", "norm_eps", .string("NaN"), "'norm_eps' is \"NaN\", not a number above 0"),
    ("cvt_13_224", "patch_size", list(7, 3, 99), "stage 2's patches of 99 do not fit a map of 28"),
    ("cvt_13_224", "q_stride", list(1, 2, 1), "queries must keep the map's size"),
    ("cvt_13_224", "attention_scale", .string("1"), "not one of 'embed_dim**-0.5', 'head_dim**-0.5'"),
    ("t2t_vit_7", "soft_split_kernel", list(7, 3), "'soft_split_kernel' has 2 items"),
    ("t2t_vit_7", "performer_kernel_ratio", .null, "performer tokens need 'performer_kernel_ratio'"),
    ("t2t_vit_7", "image_size", .int(1 << 20), "is beyond what can be computed"),
    ("resnet50", "block", .string("wide"), "not one of 'basic', 'bottleneck'"),
    ("resnet18", "expansion", .int(4), "basic blocks have expansion 1"),
    ("resnet50", "activation", .string("gelu"), "a ResNet's activation is relu"),
    ("vit_tiny_patch16_224", "patch_size", .int(1 << 21), "2097152, more than any network has"),
  ])
  func nonsenseIsExplained(_ preset: String, _ key: String, _ value: JSON, _ message: String) throws {
    let failure = #expect(throws: Failure.self) {
      try Models.parameterDeclarations(Self.changed(preset, key, value))
    }
    #expect(failure?.problem.contains(message) == true, "\(failure?.problem ?? "")")
  }

  @Test func parametersBeyondMemoryAreRefused() throws {
    let configuration = try Self.changed("resnet50", "channels", Self.list(64, 128, 256, 1 << 20))
    let failure = #expect(throws: Failure.self) {
      try Models.make(configuration, weights: nil, engine: Engine(threads: 1))
    }
    #expect(failure?.kind == .resource)
    #expect(ParameterDeclaration("w", [1 << 40, 1 << 40], .zeros).count == .max)
  }

  /// What a configuration writes, it reads again, and no key of a preset is lost.
  @Test(arguments: Models.all.map(\.name))
  func configurationsSurviveARoundTrip(_ name: String) throws {
    let given = try Models.named(name).configuration
    func check<Configuration: NetworkConfiguration>(_ type: Configuration.Type) throws {
      let written = try Configuration(given).json
      #expect(try Configuration(written).json == written)
      for member in given.members ?? [] {
        let own = written[member.key]
        #expect(own == member.value || Self.numbers(own) == Self.numbers(member.value), "\(member.key)")
      }
    }
    switch given["architecture"]?.string {
    case "vit": try check(ViTConfiguration.self)
    case "swin": try check(SwinConfiguration.self)
    case "cvt": try check(CvTConfiguration.self)
    case "t2t_vit": try check(T2TConfiguration.self)
    case "resnet": try check(ResNetConfiguration.self)
    default: Issue.record("an architecture that is not checked here")
    }
  }

  /// A number or a list of them; 4 and 4.0 are the same.
  static func numbers(_ json: JSON?) -> [Double]? {
    json?.double.map { [$0] } ?? json?.array?.map { $0.double ?? .nan }
  }

  /// Random projections are orthogonal and as long as the reference makes them; position tables are sines.
  @Test func fixedTablesAreWhatTheReferenceMakes() throws {
    let declarations = try Models.parameterDeclarations(Models.named("t2t_vit_7").configuration)
    let w = try #require(declarations.first { $0.name == "tokens_to_token.attention1.w" })
    #expect(w.shape == [32, 64] && !w.isTrainable)
    let values = w.initialValues(seed: 1, index: 0)
    for i in 0..<32 {
      for j in 0...i {
        let dot = (0..<64).reduce(0.0) { $0 + Double(values[i * 64 + $1]) * Double(values[j * 64 + $1]) }
        #expect(abs(dot - (i == j ? 32 : 0)) < 1e-4)
      }
    }
    let table = try #require(declarations.first { $0.name == "pos_embed" })
    let sines = table.initialValues(seed: 0, index: 0)
    #expect(sines[0] == 0 && sines[1] == 1)
    #expect(abs(Double(sines[256]) - 0.8414709848) < 1e-6 && abs(Double(sines[257]) - 0.5403023059) < 1e-6)
  }
}
