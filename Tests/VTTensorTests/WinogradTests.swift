import CKernels
import Testing
import TestSupport

@testable import VTTensor

/// Winograd's convolution against the one that the mathematics writes.
struct WinogradTests {
  /// Images of odd and even sides, several to a block and several blocks to an image.
  static let shapes: [(batch: Int, height: Int, width: Int, inputs: Int, outputs: Int)] = [
    (4, 15, 13, 32, 40), (1, 40, 56, 40, 32), (13, 7, 8, 48, 48), (2, 28, 28, 32, 64),
  ]

  private struct Results {
    var y: [Float]
    var dx: [Float]
    var dweight: [Float]
    var sums: [Float] = []
  }

  private static func operands(_ g: ConvolutionGeometry, _ outputs: Int) -> (
    x: [Float], w: [Float], dy: [Float], bias: [Float]
  ) {
    (
      KernelParityTests.numbers(g.batch * g.cells * g.channels, 1),
      KernelParityTests.numbers(outputs * g.columnLength, 2, scale: 0.2),
      KernelParityTests.numbers(g.batch * g.outCells * outputs, 3), KernelParityTests.numbers(outputs, 4)
    )
  }

  private static func geometry(_ s: (batch: Int, height: Int, width: Int, inputs: Int, outputs: Int))
    -> ConvolutionGeometry
  {
    ConvolutionGeometry(
      batch: s.batch, height: s.height, width: s.width, channels: s.inputs, kernel: 3, stride: 1, padding: 1)
  }

  /// As the mathematics is written, in double.
  private static func reference(_ g: ConvolutionGeometry, _ outputs: Int) -> Results {
    let (x, w, dy, bias) = operands(g, outputs)
    var y = [Double](repeating: 0, count: dy.count)
    var dx = [Double](repeating: 0, count: x.count)
    var dw = [Double](repeating: 0, count: w.count)
    for cell in 0..<g.batch * g.cells {
      let (image, row, column) = (cell / g.cells, cell % g.cells / g.width, cell % g.width)
      for o in 0..<outputs { y[cell * outputs + o] = Double(bias[o]) }
      for offset in 0..<9 {
        let (i, j) = (row + offset / 3 - 1, column + offset % 3 - 1)
        guard (0..<g.height).contains(i), (0..<g.width).contains(j) else { continue }
        let from = (image * g.cells + i * g.width + j) * g.channels
        for o in 0..<outputs {
          let d = Double(dy[cell * outputs + o])
          var sum = 0.0
          for c in 0..<g.channels {
            let at = (o * g.channels + c) * 9 + offset
            sum += Double(x[from + c]) * Double(w[at])
            dx[from + c] += d * Double(w[at])
            dw[at] += d * Double(x[from + c])
          }
          y[cell * outputs + o] += sum
        }
      }
    }
    return Results(y: y.map(Float.init), dx: dx.map(Float.init), dweight: dw.map(Float.init))
  }

  private static func storage(_ values: [Float], _ engine: Engine) -> Storage {
    engine.tensor(values, [values.count]).storage
  }

  private static func values(_ storage: Storage, _ count: Int) -> [Float] {
    Array(UnsafeBufferPointer(start: storage.floats, count: count))
  }

  private static func run(_ g: ConvolutionGeometry, _ outputs: Int, _ isa: vt_isa) throws -> Results {
    let engine = Engine(threads: 1)
    let (x, w, dy, bias) = operands(g, outputs)
    let (input, weight) = (storage(x, engine), storage(w, engine))
    let (gradient, offset) = (storage(dy, engine), storage(bias, engine))

    let forward = try #require(WinogradConvolution(g, inputs: g.channels, outputs: outputs))
    let panels = engine.storage(forward.panelsCount)
    forward.pack(
      panels.floats, weight.floats, steps: (9, g.channels * 9), turned: false, 0..<outputs)
    let y = engine.storage(dy.count)
    let scratch = engine.storage(forward.scratchCount)
    for block in 0..<forward.blocks {
      forward.run(
        block, isa: isa, y: y.floats, x: input.floats, panels: panels.floats, bias: offset.floats,
        accumulate: false, scratch: scratch.floats)
    }
    // Blocks cover every cell once.
    #expect((0..<forward.blocks).flatMap { Array(forward.cells($0)) } == Array(0..<g.batch * g.outCells))

    // The input's gradient, added to ones.
    let backward = try #require(WinogradConvolution(g, inputs: outputs, outputs: g.channels))
    let turned = engine.storage(backward.panelsCount)
    backward.pack(
      turned.floats, weight.floats, steps: (g.channels * 9, 9), turned: true, 0..<g.channels)
    let dx = storage([Float](repeating: 1, count: x.count), engine)
    let memory = engine.storage(backward.scratchCount)
    for block in 0..<backward.blocks {
      backward.run(
        block, isa: isa, y: dx.floats, x: gradient.floats, panels: turned.floats, bias: nil,
        accumulate: true, scratch: memory.floats)
    }

    let weights = try #require(WinogradWeightGradient(g, inputs: g.channels, outputs: outputs))
    let sums = engine.storage(weights.sumsCount)
    let own = engine.storage(weights.scratchCount)
    for group in 0..<weights.groups {
      weights.run(
        group, isa: isa, sums: sums.floats, x: input.floats, dy: gradient.floats, scratch: own.floats)
    }
    let dweight = storage([Float](repeating: 1, count: w.count), engine)
    weights.finish(
      isa: isa, sums.floats, into: GradientTarget(storage: dweight, accumulate: true), 0..<outputs)
    return Results(
      y: values(y, dy.count), dx: values(dx, x.count).map { $0 - 1 },
      dweight: values(dweight, w.count).map { $0 - 1 })
  }

  @Test(arguments: shapes)
  func convolvesAndDerives(_ shape: (batch: Int, height: Int, width: Int, inputs: Int, outputs: Int)) throws {
    let g = Self.geometry(shape)
    let expected = Self.reference(g, shape.outputs)
    for isa in VisionKernelParityTests.variants + [VT_ISA_SCALAR] {
      let found = try Self.run(g, shape.outputs, isa)
      expectCloseToLargest(found.y, expected.y, 2e-6, "output")
      expectCloseToLargest(found.dx, expected.dx, 2e-6, "input's gradient")
      expectCloseToLargest(found.dweight, expected.dweight, 2e-6, "weight's gradient")
    }
  }

  /// What the engine makes of it: the same as the scalar reference, and the same bits whatever the threads.
  @Test func theEngineUsesIt() {
    func run(_ threads: Int, _ instructions: InstructionSet?) -> Results {
      let engine = Engine(threads: threads, instructions: instructions)
      let g = Self.geometry(Self.shapes[0])
      let (x, w, dy, bias) = Self.operands(g, 40)
      let tape = Tape(engine, recording: true, training: true)
      let input = Tensor.parameter(x, [4, 15, 13, 32], engine: engine)
      let weight = Tensor.parameter(w, [40, 32, 3, 3], engine: engine)
      let normed = tape.normalizedConvolution(
        input, weight: weight, bias: engine.tensor(bias, [40]), stride: 1, padding: 1,
        BatchNormParameters(
          gamma: engine.tensor([Float](repeating: 1, count: 40), [40]), beta: engine.zeros([40]),
          runningMean: engine.zeros([40]), runningVariance: engine.zeros([40])), eps: 1e-5)
      tape.backward(from: normed, cotangent: dy)
      return Results(
        y: normed.values, dx: input.gradientValues, dweight: weight.gradientValues)
    }
    let one = run(1, nil)
    let three = run(3, nil)
    #expect(one.y == three.y && one.dx == three.dx && one.dweight == three.dweight)
    let scalar = run(1, .scalar)
    expectCloseToLargest(one.y, scalar.y, 1e-5, "output")
    expectCloseToLargest(one.dx, scalar.dx, 1e-5, "input's gradient")
    expectCloseToLargest(one.dweight, scalar.dweight, 1e-5, "weight's gradient")
  }
}
