import Foundation
import VTCheckpoint
import VTCore

/// Images that are arrays of bytes, one behind the other: gray, RGB, or RGB with transparency.
struct PixelArrays: ImageContents {
  struct Block: Sendable {
    let bytes: Bytes
    /// Where the first image begins.
    var offset = 0
    let count, height, width, channels: Int
    /// How far apart images, rows, columns and channels are.
    let strides: (image: Int, row: Int, column: Int, channel: Int)

    /// - Precondition: all images lie within `bytes`.
    func image(_ index: Int) -> Image {
      precondition(index < count)
      let pixels = [UInt8](unsafeUninitializedCapacity: 3 * height * width) { out, written in
        bytes.withUnsafeBytes { raw in
          let first = raw.baseAddress!.assumingMemoryBound(to: UInt8.self) + offset + index * strides.image
          for y in 0..<height {
            for x in 0..<width {
              let from = first + y * strides.row + x * strides.column
              let to = (y * width + x) * 3
              for c in 0..<3 { out[to + c] = from[channels == 1 ? 0 : c * strides.channel] }
              if channels == 4 {
                let alpha = Int(from[3 * strides.channel])
                for c in 0..<3 {
                  out[to + c] = UInt8((Int(out[to + c]) * alpha + 255 * (255 - alpha) + 127) / 255)
                }
              }
            }
          }
        }
        written = 3 * height * width
      }
      return Image(width: width, height: height, pixels: pixels)
    }

    /// Whether all images lie within the bytes; the largest place cannot overflow.
    var isWithin: Bool {
      guard count > 0, height > 0, width > 0 else { return count == 0 }
      let last = zip(
        [count, height, width, channels], [strides.image, strides.row, strides.column, strides.channel]
      ).reduce(offset) { $0 + ($1.0 - 1) * $1.1 }
      return last < bytes.count
    }
  }

  let areFiles = false
  private var blocks: [Block] = []
  /// The number of each block's first image.
  private var firsts: [Int] = []
  private(set) var count = 0

  init() {}

  /// - Returns: the number of the block's first image.
  /// - Throws: `Failure` where its images do not lie within its bytes.
  mutating func append(_ block: Block) throws -> Int {
    guard block.isWithin else { throw Failure("the images reach past the array's end") }
    blocks.append(block)
    firsts.append(count)
    defer { count += block.count }
    return count
  }

  private func pixels(_ sample: Sample) -> Image {
    // The last block that begins at or before the image.
    var (low, high) = (0, firsts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if firsts[middle] <= sample.place { low = middle } else { high = middle }
    }
    return blocks[low].image(sample.place - firsts[low])
  }

  func data(of sample: Sample) throws -> Data { Data(pixels(sample).pixels) }
  func image(of sample: Sample) throws -> EncodedImage { EncodedImage(pixels(sample), name: sample.id) }
}

/// A labelled set of arrays in the making.
struct ArraySet {
  /// The arrays' file and number are an image's name.
  private(set) var images: [(name: String, label: Int, place: Int)] = []

  /// - Parameters:
  ///   - first: the number of the first image in its source.
  ///   - file: the name of the file or array.
  mutating func add(_ labels: [Int], first: Int, file: String) {
    images += labels.enumerated().map { index, label in ("\(file)[\(index)]", label, first + index) }
  }

  func set(_ name: String, _ classes: NumberedClasses, in place: String) -> FoundSet {
    FoundSet(
      name, classes: classes.classes,
      images.map {
        Sample(id: place + "/" + $0.name, label: classes[$0.label], name: $0.name, place: $0.place)
      })
  }
}
