import Testing
import TestSupport
import VTCheckpoint
import VTCore

struct NumberConversionTests {
  @Test func halfPrecisionRoundsToNearestEven() throws {
    let values: [Float] = [
      0, -0.0, 1, 65504, 65519.99, -65519.99, 1e-8, 5.9604645e-8, 2.9802322e-8, 6.097555e-5, 0.1, -2.5,
      .infinity, -.infinity, 1.0004883, 1.0014648,
    ]
    let tensor = StoredTensor(name: "x", shape: [values.count], values: values)
    let half = tensor.converted(to: .f16)
    #expect(half.type == .f16)
    #expect(try half.floats() == values.map { Float(Float16($0)) })
    let nan = StoredTensor(name: "x", shape: [1], values: [.nan]).converted(to: .f16)
    #expect(try nan.floats()[0].isNaN)
  }

  @Test func everyHalfReadsAsItself() throws {
    let bits = (0...UInt16.max).map { $0 }
    let tensor = StoredTensor(name: "x", type: .f16, shape: [bits.count]) { try Bytes(copying: bits) }
    for (value, bit) in zip(try tensor.floats(), bits) {
      let expected = Float(Float16(bitPattern: bit))
      #expect(value == expected || value.isNaN && expected.isNaN)
    }
  }

  @Test func bfloat16RoundsToNearestEven() throws {
    let values: [Float] = [1, 1.00390625, 1.01171875, 3.1415927, -1e38, 1e-20, 0.1, -2.7]
    let result = try StoredTensor(name: "x", shape: [values.count], values: values)
      .converted(to: .bf16).floats()
    for (value, rounded) in zip(values, result) {
      // The two bfloat16 numbers around the value; the nearer one counts, the even one of equals.
      let low = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
      let high = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) + 0x1_0000)
      let (toLow, toHigh) = (abs(Double(value) - Double(low)), abs(Double(high) - Double(value)))
      let even = low.bitPattern & 0x1_0000 == 0 ? low : high
      #expect(rounded == (toLow < toHigh ? low : toHigh < toLow ? high : even), "\(value)")
    }
    let special = try StoredTensor(name: "x", shape: [3], values: [-.infinity, .infinity, .nan])
      .converted(to: .bf16).floats()
    #expect(special[0] == -.infinity && special[1] == .infinity && special[2].isNaN)
  }

  /// Rounding never makes an infinity; those of the source pass.
  @Test func numbersThatWouldBecomeInfiniteAreRefused() throws {
    let half = StoredTensor(name: "w", shape: [2, 3], values: [.infinity, .nan, 1, 65519.99, -65520, 70000])
      .converted(to: .f16)
    var failure = #expect(throws: Failure.self) { try half.bytes() }
    #expect(failure?.tensor == "w" && failure?.kind == .usage)
    #expect(failure?.problem.contains("-65520.0 at [1, 1] would become infinite as f16") == true)
    #expect(failure?.hint?.contains("bf16") == true)
    failure = #expect(throws: Failure.self) {
      try StoredTensor(name: "w", shape: [1], values: [3.4e38]).converted(to: .bf16).bytes()
    }
    #expect(failure?.problem.contains("3.4e+38 at [0]") == true)
    for (type, from) in [(ElementType.f32, 1e39), (.f16, 1e39), (.f16, 66000), (.bf16, -1e300)] {
      let double = StoredTensor(name: "w", type: .f64, shape: [2, 1]) { try Bytes(copying: [1.0, from]) }
      failure = #expect(throws: Failure.self) { try double.converted(to: type).bytes() }
      #expect(failure?.problem.contains("at [1, 0]") == true, "\(failure?.problem ?? "")")
    }
    let brain = StoredTensor(name: "w", type: .bf16, shape: [2]) {
      try Bytes(copying: [UInt16(0x7F80), 0x4790])
    }
    failure = #expect(throws: Failure.self) { try brain.converted(to: .f16).bytes() }
    #expect(failure?.problem.contains("73728.0 at [1]") == true)
  }
}
