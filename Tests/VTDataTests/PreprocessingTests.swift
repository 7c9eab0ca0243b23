import Testing
import VTCheckpoint
import VTCore

@testable import VTData

struct PreprocessingTests {
  @Test func travelsAsJSON() throws {
    var steps = Preprocessing(
      imageSize: 32, mean: [103.939, 116.779, 123.68], std: [1, 1, 1], cropFraction: 1)
    steps.interpolation = .nearest
    steps.resize = .squash
    steps.antialias = false
    steps.cropOffset = .down
    steps.resampler = .torchvision
    steps.channelOrder = .bgr
    steps.scale = 255
    #expect(try Preprocessing(steps.json) == steps)
    // Older files have these keys alone.
    let plain = Preprocessing(imageSize: 32)
    #expect(plain.json.members?.map(\.key) == ["size", "interpolation", "crop", "mean", "std"])
    #expect(try Preprocessing(plain.json) == plain)
  }

  @Test(arguments: ["resize", "resampler", "crop_offset", "channel_order", "scale", "antialias"])
  func unknownWordsAreRefused(_ key: String) throws {
    let json = JSON.object(
      (Preprocessing(imageSize: 32).json.members ?? []) + [JSON.Member(key: key, value: .string("odd"))])
    let failure = #expect(throws: Failure.self) { try Preprocessing(json) }
    #expect(failure?.problem.contains(key) == true)
  }

  /// 4 x 2 pixels, each of a colour of its own.
  private let image = Image(width: 4, height: 2, pixels: (0..<24).map { UInt8($0 * 10) })

  private func numbers(_ steps: Preprocessing) throws -> [Float] {
    steps.normalized(try steps.evaluationImage(image))
  }

  @Test func bytesInAnotherOrderLoseTheirMeans() throws {
    var steps = Preprocessing(
      imageSize: 2, interpolation: .nearest, mean: [1, 2, 3], std: [1, 1, 1], cropFraction: 1)
    steps.resize = .squash
    steps.scale = 255
    steps.channelOrder = .bgr
    // Columns 1 and 3 of both rows, as Pillow takes them: blue, green, red.
    #expect(try numbers(steps) == [49, 38, 27, 109, 98, 87, 169, 158, 147, 229, 218, 207])
  }

  @Test func squashingKeepsNoProportions() throws {
    var steps = Preprocessing(imageSize: 2, interpolation: .bilinear, cropFraction: 1)
    let cropped = try steps.evaluationImage(image)
    steps.resize = .squash
    guard case .pixels(let middle) = cropped,
      case .pixels(let whole) = try steps.evaluationImage(image)
    else {
      Issue.record("no pixels")
      return
    }
    #expect(middle == image.cropped(left: 1, top: 0, width: 2, height: 2))
    #expect(whole == (try image.resized(width: 2, height: 2, .bilinear)))
    steps.resize = .cropFirst
    guard case .pixels(let square) = try steps.evaluationImage(image) else { return }
    #expect(square == middle)
  }

  @Test func oddRestsGoWhereTheLibraryPutsThem() {
    // Rests of 1, 3, 5, 7: Python's round() gives 0, 2, 2, 4; cutting down gives 0, 1, 2, 3.
    #expect([1, 3, 5, 7].map { Image.cropOffset(8 + $0, 8, halvesDown: false) } == [0, 2, 2, 4])
    #expect([1, 3, 5, 7].map { Image.cropOffset(8 + $0, 8, halvesDown: true) } == [0, 1, 2, 3])
  }

  @Test(arguments: [
    (224, 224.0 / 232, 232), (224, 0.875, 256), (224, 0.9, 248), (224, 0.95, 235), (224, 1, 224),
  ])
  func fractionsMeanWholeSides(_ size: Int, _ crop: Double, _ side: Int) {
    #expect(Preprocessing(imageSize: size, cropFraction: crop).resizedSide == side)
  }

  /// `tf.image.resize` of a line to a quarter and to the double of its pixels.
  @Test func withoutAntialiasingPixelsAreLeftOut() throws {
    let line = Image(
      width: 8, height: 1, pixels: (0..<8).flatMap { [UInt8](repeating: UInt8($0 * 10), count: 3) })
    #expect(line.interpolated(width: 2, height: 1).levels == [15, 15, 15, 55, 55, 55])
    #expect(line.interpolated(width: 8, height: 1).levels == line.pixels.map(Float.init))
    let double = line.interpolated(width: 16, height: 1).levels
    #expect(double.prefix(9) == [0, 0, 0, 2.5, 2.5, 2.5, 7.5, 7.5, 7.5] && double.last == 70)
  }

  /// What cv2.resize makes of [[10, 41], [83, 250]], one channel like another.
  @Test func openCVRoundsItsOwnWay() throws {
    let square = Image(
      width: 2, height: 2, pixels: [10, 41, 83, 250].flatMap { [UInt8](repeating: $0, count: 3) })
    let found = try square.resized(width: 3, height: 3, .bilinear, resampler: .opencv)
    #expect(
      stride(from: 0, to: 27, by: 3).map { found.pixels[$0] } == [10, 25, 41, 47, 96, 146, 83, 166, 250])
  }
}
