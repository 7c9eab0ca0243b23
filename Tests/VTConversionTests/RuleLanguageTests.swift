import Testing
import VTCheckpoint
import VTCore

@testable import VTConversion

struct RuleLanguageTests {
  @Test(arguments: [
    ("1 + 2 * 3", JSON.int(7)), ("(1 + 2) * 3", .int(9)), ("sqrt(T - 1 - flag) * p", .int(64)),
    ("7 / 2", nil), ("sqrt(5)", nil), ("nothing + 1", nil), ("nil_key or D", .int(48)),
    ("D or nil_key", .int(48)), ("pooling == cls", .bool(true)), ("pooling == mean", .bool(false)),
    ("9223372036854775807 * 2", nil), ("1 / 0", nil), ("sqrt(0 - 4)", nil),
    ("square(T - 2)", .bool(true)), ("square(T)", .bool(false)), ("square(nothing)", nil),
    ("not(flag)", .bool(false)), ("not(nil_key)", .bool(true)), ("not(nothing)", .bool(true)),
    ("'cls'", .string("cls")), ("pooling == 'a b'", .bool(false)), ("flag and not(square(T))", .bool(true)),
    ("ceil(T, p)", .int(9)), ("ceil(D, p)", .int(6)), ("ceil(T, 0)", nil), ("given(D, 3)", .int(48)),
    ("given(no_key, 3)", .int(3)), ("true", .bool(true)), ("flag == false", .bool(false)),
  ])
  func evaluates(_ text: String, _ expected: JSON?) throws {
    let values: [String: JSON] = [
      "T": .int(66), "flag": .bool(true), "p": .int(8), "D": .int(48), "nil_key": .null,
      "pooling": .string("cls"),
    ]
    #expect(try Expression(text).evaluate { values[$0] } == expected)
  }

  @Test(arguments: ["", "1 +", "(1", "sqrt 4", "1 2", "*", "'cls", "not 1"])
  func refusesWhatIsNoExpression(_ text: String) {
    #expect(throws: Failure.self) { try Expression(text) }
  }

  private func pattern(_ text: String) throws -> NamePattern {
    try NamePattern(
      text, variables: ["part": "attn"], counts: ["block"], wildcards: ["scope"])
  }

  @Test func namesMatchWholly() throws {
    let name = try pattern("blocks.{block}.{part}.weight")
    #expect(name.match("blocks.12.attn.weight")?.numbers == ["block": 12])
    for other in [
      "blocks.12.attn.weight2", "xblocks.1.attn.weight", "blocks.01.attn.weight",
      "blocks..attn.weight", "blocks.1.mlp.weight", "blocks.99999999999999999999.attn.weight",
    ] {
      #expect(name.match(other) == nil, "\(other)")
    }
    #expect(name.name(numbers: ["block": 3], wildcards: [:]) == "blocks.3.attn.weight")
  }

  @Test func numbersMayLeaveSomeOut() throws {
    let name = try pattern("features.{2*block+1}.weight")
    #expect(name.match("features.5.weight")?.numbers == ["block": 2])
    #expect(name.match("features.4.weight") == nil && name.match("features.0.weight") == nil)
    #expect(name.name(numbers: ["block": 3], wildcards: [:]) == "features.7.weight")
    #expect(throws: Failure.self) { try pattern("features.{0*block}.weight") }
  }

  @Test func rootsThatDoNotComeOutAreFound() throws {
    let values: [String: JSON] = ["T": .int(25), "p": .int(8)]
    #expect(try Expression("sqrt(T - 1) * p").numberWithoutRoot { values[$0] } == 24)
    #expect(try Expression("sqrt(T) * p").numberWithoutRoot { values[$0] } == nil)
    #expect(try Expression("sqrt(T) * p").firstRoot { values[$0] } == 5)
    #expect(try Expression("sqrt(nothing) * p").numberWithoutRoot { values[$0] } == nil)
    let text = try MessageTemplate("{T} rows, {T - 1} cells, {nothing}").text { values[$0] }
    #expect(text == "25 rows, 24 cells, ?")
    #expect(throws: Failure.self) { try MessageTemplate("{T rows") }
  }

  @Test func wildcardsTakeOnePart() throws {
    let name = try pattern("vit/{scope}/vit/{scope}/w:0")
    #expect(name.match("vit/a_1/vit/a_1/w:0")?.wildcards == ["scope": "a_1"])
    #expect(name.match("vit/a/vit/b/w:0") == nil)
    #expect(name.match("vit/a/b/vit/a/b/w:0") == nil)
    #expect(try pattern("*.pooler.*").match("vit.pooler.dense.weight") != nil)
    #expect(throws: Failure.self) { try pattern("{unknown}") }
  }

  @Test(arguments: ["a b -> a", "a a", "(a", "a -> b", "() a", "a -> a -> a", "((a) b)"])
  func refusesMalformedAxes(_ text: String) {
    #expect(throws: Failure.self) { try AxisPattern(text) }
  }

  @Test func axesTakeAVariantsTexts() throws {
    let flat = try AxisPattern("{ones}C -> C", variables: ["ones": ""])
    let units = try AxisPattern("{ones}C -> C", variables: ["ones": "1 1 1 "])
    #expect(flat.bindings(source: [5])?.count == 1 && flat.bindings(source: [1, 1, 1, 5]) == nil)
    #expect(units.bindings(source: [1, 1, 1, 5])?.count == 1 && units.bindings(source: [5]) == nil)
    #expect(throws: Failure.self) { try AxisPattern("{tows}C -> C", variables: ["ones": ""]) }
  }

  /// Every kind of step, forwards and backwards, on axes of different lengths.
  @Test(arguments: [
    ("D H e -> (H e) D", [5, 2, 3], [6, 5]), ("h w C D -> D C h w", [2, 3, 5, 7], [7, 5, 2, 3]),
    ("D (h w C)=L -> D C h w", [7, 30], [7, 5, 2, 3]), ("1 1 D -> D", [1, 1, 5], [5]),
    ("D", [5], [5]), ("D F -> F D", [5, 7], [7, 5]),
  ])
  func layoutsInvert(_ text: String, _ source: [Int], _ native: [Int]) throws {
    let lengths = ["D": 5, "H": 2, "e": 3, "h": 2, "w": 3, "C": 5, "F": 7]
    let sizes = text.contains("h w") ? lengths.merging(["D": 7]) { _, new in new } : lengths
    let axes = try AxisPattern(text)
    #expect(axes.shape(\.source, sizes) == source && axes.shape(\.native, sizes) == native)
    for parts in [1, 3] {
      let originals = (0..<parts).map { part in
        StoredTensor(
          name: "s\(part)", shape: source,
          values: (0..<source.reduce(1, *)).map { Float(part * 1000 + $0) })
      }
      let whole = try Layout.toNative(name: "n", sources: originals, axes: axes, lengths: sizes)
      #expect(whole.shape == [native[0] * parts] + native.dropFirst())
      let back = try Layout.fromNative(whole, names: originals.map(\.name), axes: axes, lengths: sizes)
      for (a, b) in zip(back, originals) {
        #expect(try a.shape == b.shape && a.floats() == b.floats())
      }
      if !axes.isIdentity && text != "1 1 D -> D" {
        #expect(try whole.floats() != originals.flatMap { try $0.floats() })
      }
    }
  }

  @Test func errorsPointAtTheLine() throws {
    let text = """
      architecture: vit
      dialect: x
      description: x
      library: x
      format: npz
      detect: [a]
      axes: {D: embed_dim}
      tensors:
        - {native: a, source: a, axes: D}
        - {native: b, sorce: b, axes: D}
      """
    let failure = #expect(throws: Failure.self) { try RuleFile(fileName: "x.yaml", text: text) }
    #expect(failure?.description == "line 10: unknown key 'sorce': x.yaml — did you mean 'source'?")
  }

  @Test(arguments: [
    ("immaterial", "irrelevant_when"), ("cannot", "unsupported"), ("without", "dropped"),
    ("stacked", "scan_axis"), ("python", "ours.py.txt"), ("presence", "shown"), ("resample", "schema"),
  ])
  func formerKeysAreRefusedWithTheirNewName(_ former: String, _ now: String) throws {
    let text =
      "{architecture: vit, dialect: x, description: x, library: x, format: npz, detect: [a], \(former): []}"
    let failure = #expect(throws: Failure.self) { try RuleFile(fileName: "x.yaml", text: text) }
    #expect(failure?.problem.hasSuffix("unknown key '\(former)'") == true)
    #expect(failure?.hint?.contains(now) == true)
  }

  @Test func aPythonTemplateHasSections() throws {
    let text = """
      # How it is loaded.
      #: value gelu_tanh = gelu_new

      #: when num_classes == 0
      #: unsupported

      #: otherwise
      model = f({depth}, {activation})

      """
    let snippets = try PythonTemplate.snippets(text)
    #expect(snippets.count == 2 && snippets[0].when != nil && snippets[1].when == nil)
    let network: JSON = .object(["depth": .int(2), "activation": .string("gelu_tanh")])
    #expect(snippets[0].text(network, files: ["a.npz"], format: .npz) == nil)
    #expect(snippets[1].text(network, files: ["a.npz"], format: .npz) == "model = f(2, \"gelu_new\")")
    for (part, line) in [
      ("#: otherwise", 7), ("#: unsupported", 5), ("model = ", 8), ("#: value gelu_tanh =", 2),
    ] {
      let failure = #expect(throws: Failure.self, "\(part)") {
        try PythonTemplate.snippets(text.replacing(part, with: part == "model = " ? "#: model" : "#: other"))
      }
      #expect(failure?.problem.hasPrefix("line \(line): ") == true, "\(part): \(failure?.problem ?? "")")
    }
  }

  // MARK: Layers and defaults

  private func file(_ lines: String, dialect: String = "x") throws -> RuleFile {
    try RuleFile(
      fileName: "x.yaml",
      text: """
        architecture: vit
        dialect: \(dialect)
        description: x
        library: x
        format: npz
        detect: [a]
        configuration: {norm_eps: 1e-6, activation: gelu}

        """ + lines)
  }

  private func names(_ file: RuleFile) -> [String] {
    file.rules.map { rule in
      rule.native + " = " + rule.sources.joined(separator: " + ") + " [" + rule.axes.text + "]"
        + (rule.when.map { " when " + $0.text } ?? "") + (rule.isOptional ? " optional" : "")
    }
  }

  @Test func layersFollowTheDialectsConventions() throws {
    let file = try file(
      """
      prefixes: {b: "b/{block}"}
      layers:
        linear: {weight: /kernel, bias: /bias, axes: i o}
        conv: {weight: /kernel, bias: /bias, axes: h w i o}
        norm: {weight: /scale, bias: /bias, axes: 1 d}
      shown: [qkv_bias]
      tensors:
        patch_embed.proj: stem
        blocks.{block}.norm1: "{b}/ln"
        blocks.{block}.attn.qkv: "{b}/{query,key,value}"
        blocks.{block}.attn.proj: {source: "{b}/out", axes: H e D -> D (H e), bias: /b}
        blocks.{block}.mlp.fc1: same
      """)
    #expect(
      names(file) == [
        "patch_embed.proj.weight = stem/kernel [ph pw C D -> D C ph pw]",
        "patch_embed.proj.bias = stem/bias [D]",
        "blocks.{block}.norm1.weight = b/{block}/ln/scale [1 D -> D]",
        "blocks.{block}.norm1.bias = b/{block}/ln/bias [1 D -> D]",
        "blocks.{block}.attn.qkv.weight = b/{block}/query/kernel + b/{block}/key/kernel + b/{block}/value/kernel [D I -> I D]",
        "blocks.{block}.attn.qkv.bias = b/{block}/query/bias + b/{block}/key/bias + b/{block}/value/bias [I] when qkv_bias",
        "blocks.{block}.attn.proj.weight = b/{block}/out/kernel [H e D -> D (H e)]",
        "blocks.{block}.attn.proj.bias = b/{block}/out/b [D]",
        "blocks.{block}.mlp.fc1.weight = blocks.{block}.mlp.fc1/kernel [D M -> M D]",
        "blocks.{block}.mlp.fc1.bias = blocks.{block}.mlp.fc1/bias [M]",
      ])
  }

  @Test func namesThatStayKeepTheSchemasOrder() throws {
    let file = try file(
      """
      tensors:
        norm: same
        "blocks.{block}.mlp.*": same
        head: {source: classes, when: true}
        blocks.{block}.mlp.fc1: "{block}.up"
      """)
    #expect(
      names(file).map { String($0.prefix { $0 != "[" }) } == [
        "norm.weight = norm.weight ", "norm.bias = norm.bias ",
        "blocks.{block}.mlp.fc1.weight = {block}.up.weight ",
        "blocks.{block}.mlp.fc1.bias = {block}.up.bias ",
        "blocks.{block}.mlp.fc2.weight = blocks.{block}.mlp.fc2.weight ",
        "blocks.{block}.mlp.fc2.bias = blocks.{block}.mlp.fc2.bias ",
        "head.weight = classes.weight ", "head.bias = classes.bias ",
      ])
  }

  @Test func batchNormsHaveTheirCountersOrDropThem() throws {
    func resnet(_ layers: String) throws -> RuleFile {
      try RuleFile(
        fileName: "x.yaml",
        text: "{architecture: resnet, dialect: x, description: x, library: x, format: npz, detect: [a], "
          + "configuration: {norm_eps: 1e-5}, \(layers)tensors: {bn1: n}}")
    }
    let torch = try resnet("")
    #expect(
      torch.rules.map(\.native).last == "bn1.num_batches_tracked" && torch.rules.last?.isOptional == true)
    #expect(torch.computed.map(\.source) == ["n.num_batches_tracked"] && torch.dropped.isEmpty)
    let keras = try resnet("layers: {batch_norm: {weight: /0, bias: /1, mean: /2, variance: /3}}, ")
    #expect(keras.rules.flatMap(\.sources) == ["n/0", "n/1", "n/2", "n/3"])
    #expect(keras.computed.isEmpty && keras.dropped.map(\.pattern) == ["*.num_batches_tracked"])
  }

  @Test func keysThatAreNotMentionedHaveTheirDefaults() throws {
    let plain = try file("tensors: {cls_token: same, head: {source: head, when: num_classes}}")
    func value(_ key: String, _ file: RuleFile) -> JSON? {
      file.configuration.first { $0.key == key }.flatMap { file.fixed($0.key, $0.value) { _ in nil } }
    }
    #expect(value("class_token", plain) == .bool(true) && value("num_registers", plain) == .int(0))
    #expect(value("representation_size", plain) == .null && value("pooling", plain) == .string("cls"))
    // What no default settles, what an axis does, and what only other networks have.
    for key in ["num_heads", "num_classes", "mlp_dim", "resnet_norm_eps"] {
      #expect(value(key, plain) == nil)
    }
    let shown = try file(
      """
      shown: [class_token, representation_size]
      tensors: {cls_token: same, pre_logits.fc: same}
      """)
    #expect(value("class_token", shown) == nil && value("representation_size", shown) == nil)
    #expect(shown.presenceValues { _ in false }["class_token"] == .bool(false))
    #expect(shown.presenceValues { _ in false }["representation_size"] == .null)
    #expect(shown.presenceValues { _ in true } == ["class_token": .bool(true)])
    // An export of another network is refused by name.
    let (_, _, loaded) = try DialectTests.load("vit_timm_safetensors")
    let other = loaded.metadata.configuration.replacing(["layer_scale": .bool(true)])
    let failure = #expect(throws: Failure.self) {
      try Exporter(file("tensors: {\"*\": same}"), variant: "").run(
        loaded.native, configuration: other, wildcards: [:])
    }
    #expect(failure?.problem == "the dialect 'x' has layer_scale = false, the network true")
  }

  @Test func aKeyMayDependOnTensorsOrOnOtherKeys() throws {
    func reading(_ configuration: String) throws -> RuleFile {
      try RuleFile(
        fileName: "x.yaml",
        text: """
          architecture: vit
          dialect: x
          description: x
          library: x
          format: npz
          detect: [a]
          configuration:
            activation: gelu
          \(configuration)
          tensors: {cls_token: same, attn_pool.latent: same}
          """)
    }
    let file = try reading(
      """
        norm_eps: [{when: pre_norm, value: 1.0e-05}, {value: 1.0e-06}]
        pooling: [{when: has('attn_pool.latent'), value: map}, {when: not(has('cls_token')), value: mean}]
      """)
    #expect(file.fixed("norm_eps", .null) { _ in .bool(true) }?.double == 1e-5)
    #expect(file.fixed("norm_eps", .null) { _ in .bool(false) }?.double == 1e-6)
    #expect(file.presenceValues { $0 == "attn_pool.latent" } == ["pooling": .string("map")])
    #expect(file.presenceValues { _ in false } == ["pooling": .string("mean")])
    #expect(file.presenceValues { $0 == "cls_token" }.isEmpty)
    for (line, problem) in [
      ("  norm_eps: {value: 1.0e-05, when: pre_norm, else: 1.0e-06}", "unknown key 'else'"),
      ("  pooling: [{when: has('cls_token') and pre_norm, value: cls}]", "cannot depend on other keys too"),
      ("  pooling: [{when: has('norm.weight'), value: cls}]", "does not name: norm.weight"),
    ] {
      let failure = #expect(throws: Failure.self) { try reading(line) }
      #expect(failure?.problem.contains(problem) == true, "\(failure?.problem ?? "")")
    }
    #expect(throws: Failure.self) { try Expression("has('cls_token')") }
  }
}
