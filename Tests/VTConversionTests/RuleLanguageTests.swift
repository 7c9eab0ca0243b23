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
    ("given(no_key, 3)", .int(3)),
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
    ("stacked", "scan_axis"), ("python", "ours.py.txt"),
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
}
