import VTCheckpoint
import VTCore
import VTData

/// A `Summary.Value` of TensorFlow's summary.proto: a tag, and what TensorBoard shows under it.
struct TensorBoardValue {
  let message: [UInt8]

  private typealias Buffer = ProtocolBuffer

  private init(_ tag: String, _ rest: [UInt8]) { message = Buffer.text(1, tag) + rest }

  /// { tag = 1, simple_value = 2 }
  static func scalar(_ tag: String, _ value: Double) -> TensorBoardValue {
    TensorBoardValue(tag, Buffer.float(2, Float(value)))
  }

  /// { tag = 1, metadata = 9, tensor = 8 { dtype = 1: DT_STRING, tensor_shape = 2: a scalar's, string_val = 8 } }
  /// - Parameter markdown: TensorBoard renders it.
  static func text(_ tag: String, _ markdown: String) -> TensorBoardValue {
    let tensor = Buffer.int(1, 7) + Buffer.bytes(2, []) + Buffer.text(8, markdown)
    return TensorBoardValue(tag, metadata("text", []) + Buffer.bytes(8, tensor))
  }

  /// { tag = 1, image = 4 { height = 1, width = 2, colorspace = 3: RGB, encoded_image_string = 4: PNG } }
  /// - Throws: `Failure` where memory is short.
  static func image(_ tag: String, _ image: Image) throws -> TensorBoardValue {
    let png = try PNGEncoder.encode(width: image.width, height: image.height, pixels: image.pixels)
    return TensorBoardValue(
      tag,
      Buffer.bytes(
        4, Buffer.int(1, image.height) + Buffer.int(2, image.width) + Buffer.int(3, 3) + Buffer.bytes(4, png))
    )
  }

  // MARK: HPARAMS

  /// The settings of the run whose folder this is. Without an `Experiment` beside it TensorBoard finds the columns of its
  /// table from all runs that it is shown: their settings, those that differ first, and their scalars by name.
  ///
  /// HParamsPluginData { session_start_info = 3 { hparams = 1 { key = 1, value = 2 }, start_time_secs = 5 } }
  /// - Parameter settings: numbers, flags and texts; others are left out.
  static func sessionStart(_ settings: [(name: String, value: JSON)], time: Double) -> TensorBoardValue {
    let entries = settings.flatMap { name, value in
      self.value(value).map { Buffer.bytes(1, Buffer.text(1, name) + Buffer.bytes(2, $0)) } ?? []
    }
    return hparams("_hparams_/session_start_info", 3, entries + Buffer.double(5, time))
  }

  /// HParamsPluginData { session_end_info = 4 { status = 1: STATUS_SUCCESS, end_time_secs = 2 } }
  static func sessionEnd(time: Double) -> TensorBoardValue {
    hparams("_hparams_/session_end_info", 4, Buffer.int(1, 1) + Buffer.double(2, time))
  }

  /// Values of this plug-in are in the metadata; the tensor beside it is empty: { dtype = 1: DT_FLOAT, tensor_shape = 2
  /// { dim = 2 { size = 1: 0 } } }.
  private static func hparams(_ tag: String, _ field: Int, _ content: [UInt8]) -> TensorBoardValue {
    let tensor = Buffer.int(1, 1) + Buffer.bytes(2, Buffer.bytes(2, []))
    return TensorBoardValue(tag, metadata("hparams", Buffer.bytes(field, content)) + Buffer.bytes(8, tensor))
  }

  /// A `google.protobuf.Value` { number_value = 2, string_value = 3, bool_value = 4 }.
  private static func value(_ json: JSON) -> [UInt8]? {
    switch json {
    case .number: json.double.map { Buffer.double(2, $0) }
    case .string(let text): Buffer.text(3, text)
    case .bool(let flag): Buffer.int(4, flag ? 1 : 0)
    case .null, .array, .object: nil
    }
  }

  /// { metadata = 9 { plugin_data = 1 { plugin_name = 1, content = 2 } } }
  private static func metadata(_ plugin: String, _ content: [UInt8]) -> [UInt8] {
    Buffer.bytes(9, Buffer.bytes(1, Buffer.text(1, plugin) + Buffer.bytes(2, content)))
  }
}
