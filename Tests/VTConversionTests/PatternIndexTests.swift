import Testing
import TestSupport
import VTCheckpoint

@testable import VTConversion

/// Names are tried on few patterns, and never on too few.
struct PatternIndexTests {
  private func pattern(_ text: String) throws -> NamePattern {
    try NamePattern(text, variables: [:], counts: ["n", "m"], wildcards: ["w"])
  }

  /// The patterns that take a name; all of them must be among the index's candidates, which keep their order.
  @discardableResult
  private func takers(of name: String, _ patterns: [NamePattern], _ index: PatternIndex) -> [Int] {
    let bytes = Array(name.utf8)
    let takers = patterns.indices.filter { patterns[$0].match(bytes) != nil }
    let candidates = index.candidates(bytes)
    #expect(candidates == candidates.sorted() && Set(candidates).isSuperset(of: takers), "\(name)")
    return takers
  }

  @Test(arguments: ["cvt", "resnet", "swin", "vit"])
  func namesOfEveryNetworkFindEveryPatternThatTakesThem(_ architecture: String) throws {
    let manifests = ManifestTests.all.filter { $0.text("architecture") == architecture }
    let names = try manifests.flatMap { try ManifestTests.store($0).names }
    // Numbers differ from network to network; one name of each kind is enough.
    let kinds = Dictionary(names.map { ($0.filter { !$0.isNumber }, $0) }) { min($0, $1) }.values.sorted()
    #expect(kinds.count > 40)
    var taken: Set<String> = []
    for file in try Dialects.all(architecture: architecture) {
      for variant in file.variants {
        let patterns = try CompiledRules(file, variant: variant.name).rules.flatMap(\.sources)
        let index = PatternIndex(patterns)
        for name in kinds where !takers(of: name, patterns, index).isEmpty { taken.insert(name) }
      }
    }
    #expect(2 * taken.count > kinds.count)
  }

  @Test(arguments: [
    "a.b.c", "b.c", "c", "x.1.b.c", "x.12.b.c", "x1.b.c", "b_1/c", "b/c", "b__2/c", "b_/c", "b_3", "b",
    "b_2_1", "b3_1", "conv2d/kernel:0", "conv2d_11/kernel:0", "block1_2.w0.b", "block1.w.b", "ab.c", "a/b.c",
    "1", "12.3", "_1", "", ".", "..", "a..c", "x_3_5", "x_5", "0.1.2.3", "Größe.b.c",
  ])
  func numbersSuffixesAndWildcards(_ name: String) throws {
    let patterns = try [
      "a.b.c", "b.c", "c", "x.{n}.b.c", "x{n}.b.c", "b{_n}/c", "b_{_n}/c", "b_{n}", "b{_n}", "b{_n}{_m}",
      "b3{_n}", "conv2d{_n}/kernel:0", "block1{_n}.w{m}.b", "{w}.b.c", "{w}b.c", "{w}/b.c", "{n}", "{n}.{m}",
      "{w}", "*", "*.c", "a*c", "x{_n}_5", "x_{n}_{m}", "{n+1}.{m}.{2*n+2}.3", "_{n}", "{_n}",
    ].map(pattern)
    takers(of: name, patterns, PatternIndex(patterns))
  }

  @Test func aNameIsTriedOnPatternsOfItsEndAlone() throws {
    let patterns = try [
      "blocks.{n}.attn.qkv.weight", "blocks.{n}.attn.proj.weight", "{w}norm.weight", "norm.bias",
      "blocks.{n}.*",
    ].map(pattern)
    let index = PatternIndex(patterns)
    #expect(index.candidates(Array("blocks.11.attn.proj.weight".utf8)) == [1, 2, 4])
    #expect(index.candidates(Array("norm.bias".utf8)) == [2, 3, 4])
    #expect(index.candidates(Array("d199".utf8)) == [2, 4])
  }
}
