import Foundation
import TestSupport
import Testing
import VTCheckpoint
import VTCore
import VTData

@testable import VTModels
@testable import VTTensor
@testable import VTTraining

/// The report's maps: where the drloc head errs, and what reaches the classifier.
struct ReportMapsTests {
  @Test func rolloutMultipliesHalfAttentionAndHalfIdentity() {
    let layers = [[0.6, 0.4, 0.2, 0.8], [0.5, 0.5, 0.1, 0.9]].map {
      AttentionProbabilities(tokens: 2, values: $0.map { Float($0) })
    }
    // With the identity [.8 .2; .1 .9] and [.75 .25; .05 .95]; rows of their product, the later one in front.
    let rows = [
      [0.75 * 0.8 + 0.25 * 0.1, 0.75 * 0.2 + 0.25 * 0.9], [0.05 * 0.8 + 0.95 * 0.1, 0.05 * 0.2 + 0.95 * 0.9],
    ]
    expectClose(AttentionRollout.shares(layers, readout: [1, 0]), rows[0], absolute: 1e-7)
    expectClose(
      AttentionRollout.shares(layers, readout: [0.5, 0.5]), zip(rows[0], rows[1]).map { ($0 + $1) / 2 },
      absolute: 1e-7)
    #expect(AttentionRollout.shares([], readout: [0, 1]) == [0, 1])
  }

  /// Queries, keys and values of two images, and what a plain softmax of each head's scores gives in the mean.
  @Test(arguments: [1, 2])
  func probabilitiesAreThoseOfAPlainSoftmax(_ heads: Int) {
    let engine = Engine(threads: 1)
    let (batch, tokens, dim, scale) = (2, 5, 3, 0.7)
    let width = heads * dim
    let numbers = (0..<batch * tokens * 3 * width).map { Float(2 * sin(Double($0 * $0 % 97))) }
    var expected: [Double] = []
    for image in 0..<batch {
      for query in 0..<tokens {
        var row = [Double](repeating: 0, count: tokens)
        for head in 0..<heads {
          let scores = (0..<tokens).map { key in
            (0..<dim).reduce(0.0) { sum, c in
              let q = numbers[((image * tokens + query) * 3 + 0) * width + head * dim + c]
              let k = numbers[((image * tokens + key) * 3 + 1) * width + head * dim + c]
              return sum + Double(q) * Double(k)
            }
          }
          let total = scores.reduce(0) { $0 + exp($1 * scale) }
          for key in 0..<tokens { row[key] += exp(scores[key] * scale) / total / Double(heads) }
        }
        expected += row
      }
    }
    let qkv = engine.tensor(numbers, [batch, tokens, 3 * width])
    func run() -> [Float] {
      let tape = Tape(engine, recording: false)
      return tape.attention(qkv: qkv, heads: heads, headDim: dim, scale: Float(scale)).values
    }
    let (output, layers) = engine.attentionProbabilities(tokens: tokens, run)
    #expect(layers.count == 1 && output == run(), "looking changes nothing")
    expectClose(layers[0].values.map { Double($0) }, expected, absolute: 1e-6)
    // Layers of another number of tokens are left out, and nobody looks afterwards.
    #expect(engine.attentionProbabilities(tokens: 4, run).layers.isEmpty && engine.observer == nil)
    guard heads == 1 else { return }
    // The kernel's output is the values weighted by them.
    let weighted = (0..<batch * tokens).flatMap { row in
      (0..<dim).map { c in
        (0..<tokens).reduce(Float(0)) { sum, key in
          sum + layers[0].values[row * tokens + key] * numbers[(row / tokens * tokens + key) * 9 + 6 + c]
        }
      }
    }
    expectClose(output, weighted, absolute: 1e-5)
  }

  /// On a grid of 4 x 4: cell 0 is (0, 0), cell 6 is (1, 2), cell 15 is (3, 3).
  @Test func errorsAreInCells() {
    let engine = Engine(threads: 1)
    let pairs = GridPairs(first: [0, 15], second: [6, 15])
    func errors(_ answers: [[Float]], _ options: DrlocOptions) -> [Double] {
      DrlocErrors.ofPairs(
        answers.map { engine.tensor($0, [2, $0.count / 2]) }, pairs, side: 4, options)
    }
    // True distances: 1 and 2, then 0 and 0. In units of the side: 0.25 and 0.5.
    #expect(errors([[0.5, 0.5, 0, 0.25]], DrlocOptions()) == [0.5, 0.5])
    // In cells.
    #expect(errors([[3, 2, 1, 0]], DrlocOptions(target: .reference)) == [1, 0.5])
    // In parts of the largest distance, 3.
    let normalized = DrlocOptions(target: .reference, normalizes: true)
    expectClose(errors([[1, 1, 0, 0]], normalized), [(2 + 1) / 2.0, 0], absolute: 1e-6)
    // Signed, from -3 on: -1 is 2 and -2 is 1, 0 is 3.
    let signed = DrlocOptions(target: .reference, isSigned: true)
    #expect(errors([[2, 1, 3, 5]], signed) == [0, 1])
    // Classes from -4 on: -1 is the fourth, -2 the third, 0 the fifth.
    func peaks(_ places: [Int]) -> [Float] {
      places.flatMap { place in (0..<9).map { $0 == place ? 50 : 0 } }
    }
    #expect(errors([peaks([3, 4]), peaks([4, 8])], DrlocOptions(mode: .ce)) == [1, 2])
    expectClose(
      errors([peaks([3, 4]), peaks([2, 4])], DrlocOptions(mode: .cbr)), [0, 0], absolute: 1e-12)
    // No class stands out: their mean is the middle, 0.
    let flat = [Float](repeating: 1, count: 18)
    expectClose(errors([flat, flat], DrlocOptions(mode: .cbr)), [1.5, 0], absolute: 1e-12)
  }

  @Test func cellsHaveTheMeanOfTheirPairs() {
    let pairs = GridPairs(first: [0, 0, 3, 2], second: [1, 0, 1, 2])
    #expect(DrlocErrors.map([2, 4, 1, 5], pairs, side: 2) == [3, 1.5, 5, 1])
    // 0 to 3 cells apart with 4, 6, 4 and 2 of 16; the median is 1.
    #expect(DrlocErrors.ofConstantAnswer(DrlocOptions(), side: 4) == 0.75)
    // With signs the median is 0: 6, 4 and 2 of 16.
    #expect(DrlocErrors.ofConstantAnswer(DrlocOptions(mode: .ce), side: 4) == 1.25)
    let drawn = DrlocErrors.pairs(side: 3, RandomKey(seed: 1, purpose: .drlocPairs, index: 2))
    #expect(drawn.first.count == 72 && drawn.second.count == 72 && Set(drawn.second).count == 9)
    #expect((0..<9).allSatisfy { cell in drawn.first.count { $0 == cell } == 8 })
  }

  @Test func picturesAreOfAllClasses() {
    func samples(_ labels: [Int]) -> [Sample] {
      labels.enumerated().map { Sample(id: "\($0.offset)", label: $0.element) }
    }
    #expect(ReportMaps.choice(samples([0, 0, 0, 1, 1, 2])).map(\.id) == ["0", "3", "5", "1", "4", "2"])
    #expect(
      ReportMaps.choice(samples(Array(repeating: 0, count: 9))).map(\.id) == ["0", "1", "2", "3", "4", "5"])
    #expect(ReportMaps.choice(samples(Array(0..<12))).map(\.label) == [0, 2, 4, 6, 8, 10])
    #expect(ReportMaps.choice([]).isEmpty)
  }

  /// A network, whether it is trained with the drloc loss, and whether attention can be followed through it.
  static let networks = [
    ("vit", true, true), ("vit", false, true), ("vit, layer scales and registers", true, true),
    ("swin", true, false), ("swin", false, false), ("cvt, class token", true, false),
    ("resnet, basic", true, false), ("t2t, performer", true, true), ("t2t, transformer", false, true),
  ]

  @Test(arguments: networks)
  func mapsAreThereWhereTheNetworkHasThem(_ name: String, _ isTrained: Bool, _ attention: Bool) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let engine = Engine(threads: 2)
    let tiny = try #require(AllNetworksTests.networks.first { $0.name == name })
    let model = try Models.make(tiny.configuration, weights: nil, engine: engine)
    if isTrained {
      try model.parameters.add(DrlocHead.parameterDeclarations(model, tiny.options), weights: nil, seed: 3)
    }
    let weights = try model.parameters.store()
    var page = ReportTests.page(data, classes: data.classes, predictions: [(0, 0, 0.5)]) {
      $0.drloc = isTrained ? tiny.options : nil
    }
    func maps(available: Int? = nil) throws -> ReportMaps {
      let best = try Models.make(tiny.configuration, weights: weights, engine: engine)
      let maps = try ReportMaps(
        best, weights: weights, data, page.configuration.recipe, Preprocessing(imageSize: model.imageSize),
        engine: engine, available: available)
      for (name, tensor) in best.parameters.all {
        #expect(tensor.values == model.parameters[name].values, "\(name): maps change no weights")
      }
      return maps
    }
    page.maps = try maps()
    #expect(page.maps.pictures.count == 6 && (page.maps.error != nil) == isTrained)
    #expect(page.maps.remarks == (attention ? [] : [ReportMaps.noSequence]))
    let side = model.finalGridSide
    for (picture, again) in zip(page.maps.pictures, try maps().pictures) {
      #expect((picture.errors != nil) == isTrained && (picture.attention != nil) == attention)
      #expect(picture.errors == again.errors && picture.attention == again.attention, "the same each time")
      if let errors = picture.errors {
        #expect(errors.count == side * side && errors.allSatisfy { $0 >= 0 && $0.isFinite })
      }
      if let attention = picture.attention {
        // T2T-ViT's drloc head sees a pooled grid.
        let own = Int(Double(attention.count).squareRoot())
        #expect(own * own == attention.count && (name.hasPrefix("t2t") ? own > side : own == side))
        #expect(attention.allSatisfy { $0 > 0 } && attention.reduce(0, +) < 1)
      }
    }
    let html = page.html
    #expect(html.contains("Error of the drloc head") == isTrained)
    #expect(html.contains("<b>Attention rollout</b>") == attention)
    #expect(html.contains("There is no attention rollout") != attention)
    #expect(html.components(separatedBy: "class=\"maps\"").count == (isTrained || attention ? 7 : 1))
    #expect(html.components(separatedBy: "aria-label=\"error ").count == (isTrained ? 7 : 1))
    #expect(html.components(separatedBy: "aria-label=\"attention ").count == (attention ? 7 : 1))
    // A run without memory for them says so.
    page.maps = try maps(available: 100)
    #expect(page.maps.pictures.allSatisfy { $0.errors == nil && $0.attention == nil })
    let poor = page.html
    #expect(poor.contains("too little memory for attention rollout") == attention)
    #expect(poor.contains("too little memory for the map of the drloc head's errors") == isTrained)
    #expect(!poor.contains("class=\"maps\""))
  }

  /// What the classifier reads, by how a ViT pools its tokens.
  @Test(arguments: [
    ("cls", "clsAndPatches", [1, 0, 0, 0, 0]), ("mean", "patches", [0.25, 0.25, 0.25, 0.25]),
    ("cls_and_mean", "clsAndPatches", [0.5, 0.125, 0.125, 0.125, 0.125]),
    ("cls_and_distillation", "distilled", [0.5, 0.5, 0, 0, 0, 0]), ("map", "patches", []),
  ])
  func theReadoutIsThatOfThePooling(_ pooling: String, _ tokens: String, _ readout: [Double]) throws {
    let shape = AllNetworksTests.tiny(
      "vit_tiny_patch16_224",
      [
        "image_size": .int(32), "patch_size": .int(16), "embed_dim": .int(24), "depth": .int(2),
        "num_heads": .int(3), "head_dim": .int(8), "mlp_dim": .int(40), "num_classes": .int(3),
        "pooling": .string(pooling), "class_token": .bool(tokens != "patches"),
        "position_embedding_covers_class_token": .bool(tokens != "patches"),
        "distillation_token": .bool(tokens == "distilled"),
      ])
    let model = try Models.make(shape, weights: nil, engine: Engine(threads: 1))
    let sequence = (model as? any TokenSequenceModel)?.tokenSequence
    #expect(sequence?.readout ?? [] == readout)
    #expect(sequence.map { $0.prefix == $0.count - 4 && $0.blocks == 2 } != false)
  }

  @Test func theReportNamesTheTeacher() throws {
    let folder = try TemporaryFolder()
    let plain = ReportTests.page(try TrainerTests.data(folder), classes: ["a", "b"])
    #expect(!plain.html.contains("learned from the teacher"))
    var configuration = plain.configuration
    configuration.teacher = Teacher(source: "/nets/big <1>.npz", configuration: TrainerTests.configuration)
    let page = ReportPage(
      configuration: configuration, state: plain.state, evaluation: nil, test: nil, data: plain.data,
      updates: [], epochs: [])
    #expect(page.html.contains("<th>learned from the teacher</th><td>/nets/big &lt;1&gt;.npz"))
  }
}
