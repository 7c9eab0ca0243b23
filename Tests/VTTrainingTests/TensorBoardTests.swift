import Foundation
import TestSupport
import Testing
import VTCore
import VTData
import VTTensor

@testable import VTTraining

/// What TensorBoard finds in a file of events: every frame's checksums, then the message's fields.
struct TensorBoardFile {
  struct Scalar: Equatable {
    let tag: String
    let step: Int
    let value: Float
  }

  /// Markdown of the plug-in for texts.
  struct Text: Equatable {
    let tag: String
    let step: Int
    let text: String
  }

  struct Picture: Equatable {
    let tag: String
    let width: Int
    let height: Int
    let png: [UInt8]
  }

  var version = ""
  var scalars: [Scalar] = []
  var texts: [Text] = []
  var pictures: [Picture] = []
  /// What `_hparams_/session_start_info` says, each time: settings, and when the run began.
  var beginnings: [(settings: [String: JSON], time: Double)] = []
  /// What `_hparams_/session_end_info` says: status and time.
  var ends: [(status: Int, time: Double)] = []

  /// All files of a folder, in their order.
  init(folder: String) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    let files = names.filter { $0.hasPrefix("events.out.tfevents.") }
    try #require(!files.isEmpty)
    for file in files { try read(folder + "/" + file) }
  }

  private mutating func read(_ path: String) throws {
    var rest = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))[...]
    func take(_ count: Int) throws -> [UInt8] {
      try #require(rest.count >= count)
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    while !rest.isEmpty {
      let length = try take(8)
      #expect(Self.little(try take(4)) == UInt64(TensorBoardLog.maskedCRC(length)))
      let message = try take(Int(Self.little(length)))
      #expect(Self.little(try take(4)) == UInt64(TensorBoardLog.maskedCRC(message)))
      let event = try Self.fields(message)
      if let version = event.first(where: { $0.number == 3 }) {
        self.version = String(decoding: version.bytes, as: UTF8.self)
      }
      let step = Int(event.first { $0.number == 2 }?.value ?? 0)
      for summary in event where summary.number == 5 {
        for value in try Self.fields(summary.bytes) {
          try add(Self.fields(value.bytes), step)
        }
      }
    }
  }

  private typealias Field = (number: Int, value: UInt64, bytes: [UInt8])

  private mutating func add(_ value: [Field], _ step: Int) throws {
    let tag = String(decoding: try #require(value.first).bytes, as: UTF8.self)
    switch value.map(\.number) {
    case [1, 2]:
      scalars.append(Scalar(tag: tag, step: step, value: Float(bitPattern: UInt32(value[1].value))))
    case [1, 4]:
      let image = try Self.fields(value[1].bytes)
      #expect(image.map(\.number) == [1, 2, 3, 4] && image[2].value == 3)
      pictures.append(
        Picture(tag: tag, width: Int(image[1].value), height: Int(image[0].value), png: image[3].bytes))
    case [1, 9, 8]:
      let metadata = try Self.fields(value[1].bytes)
      let plugin = try Self.fields(try #require(metadata.first).bytes)
      let tensor = try Self.fields(value[2].bytes)
      #expect(metadata.count == 1 && plugin.map(\.number) == [1, 2])
      switch String(decoding: plugin[0].bytes, as: UTF8.self) {
      case "text":
        // A text without dimensions.
        #expect(tensor.map(\.number) == [1, 2, 8] && tensor[0].value == 7 && tensor[1].bytes.isEmpty)
        texts.append(Text(tag: tag, step: step, text: String(decoding: tensor[2].bytes, as: UTF8.self)))
      case "hparams":
        // No numbers: one dimension of 0.
        #expect(tensor.map(\.number) == [1, 2] && tensor[0].value == 1 && tensor[1].bytes == [0x12, 0])
        try add(hparams: Self.fields(plugin[1].bytes), tag)
      case let other: Issue.record("a plug-in \(other)")
      }
    case let other: Issue.record("fields \(other) of \(tag)")
    }
  }

  private mutating func add(hparams content: [Field], _ tag: String) throws {
    let field = try #require(content.first)
    let parts = try Self.fields(field.bytes)
    #expect(content.count == 1 && tag == "_hparams_/session_\(field.number == 3 ? "start" : "end")_info")
    if field.number == 4 {
      #expect(parts.map(\.number) == [1, 2])
      ends.append((Int(parts[0].value), Double(bitPattern: parts[1].value)))
      return
    }
    var settings: [String: JSON] = [:]
    for entry in parts where entry.number == 1 {
      let pair = try Self.fields(entry.bytes)
      let value = try #require(try Self.fields(pair[1].bytes).first)
      let name = String(decoding: pair[0].bytes, as: UTF8.self)
      #expect(settings[name] == nil, "\(name) twice")
      settings[name] =
        switch value.number {
        case 2: .double(Double(bitPattern: value.value))
        case 3: .string(String(decoding: value.bytes, as: UTF8.self))
        default: .bool(value.value == 1)
        }
    }
    beginnings.append((settings, Double(bitPattern: parts.last { $0.number == 5 }?.value ?? 0)))
  }

  private static func little(_ bytes: [UInt8]) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A message of protocol buffers: numbers of fields with a number or with bytes.
  private static func fields(_ message: [UInt8]) throws -> [Field] {
    var (rest, result) = (message[...], [Field]())
    func varint() throws -> UInt64 {
      var (value, shift) = (UInt64(0), UInt64(0))
      while let byte = rest.popFirst() {
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      throw CocoaError(.fileReadCorruptFile)
    }
    while !rest.isEmpty {
      let key = try varint()
      let count =
        switch key & 7 {
        case 0: 0;
        case 1: 8;
        case 5: 4;
        default: Int(try varint())
        }
      if key & 7 == 0 {
        result.append((Int(key >> 3), try varint(), []))
      } else {
        try #require(rest.count >= count)
        let bytes = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        result.append((Int(key >> 3), key & 7 == 2 ? 0 : little(bytes), key & 7 == 2 ? bytes : []))
      }
    }
    return result
  }
}

struct TensorBoardTests {
  typealias Values = [(String, Double)]

  /// Values by name, and their step.
  static let rows: [(Values, Int)] = [
    ([("train/loss", 0.5)], 1),
    ([("train/loss", -1e-30), ("train/drloc", 3e30)], 127),
    ([("epoch/train_accuracy", 1)], 128),
    ([("a", 0), ("b", Double.infinity), ("c", 0.1)], 1 << 40),
    ([(String(repeating: "long ", count: 60), 2), ("größe", 7)], 300),
    ([], 5),
  ]

  @Test(arguments: rows)
  func readsBack(_ values: Values, _ step: Int) throws {
    let folder = try TemporaryFolder()
    do {
      let log = try #require(TensorBoardLog(folder: folder.path, time: Date()))
      log.scalars(values, step: step, time: Date())
    }
    let file = try TensorBoardFile(folder: folder.path)
    #expect(file.version == "brain.Event:2")
    #expect(file.scalars == values.map { .init(tag: $0.0, step: step, value: Float($0.1)) })
  }

  /// Recipe, settings and images are there once, however often the run is stopped; each process tells its command.
  @Test func aRunTellsItsSettingsOnce() throws {
    let folder = try TemporaryFolder()
    let (data, path) = (try TrainerTests.data(folder), folder.file("run"))
    var recipe = TrainerTests.augmented(epochs: 2)
    recipe.averageDecay = nil
    var trainer = try TrainerTests.trainer(data, path, recipe: recipe)
    for limit in [3, Int.max] {
      var asked = 0
      let command = ["/bin/vtkit", "finetune", limit == 3 ? "--data" : "--resume", "a b"]
      try? trainer.folder.session(trainer.engine, command: command) {
        try trainer.run(shouldStop: {
          asked += 1
          return asked > limit
        })
      }
      trainer = try Trainer(resuming: RunFolder.open(path), data: data, engine: Engine(threads: 2))
    }
    #expect(trainer.state.isFinished)
    let outcome = try trainer.measure(trainer.folder.bestWeights())
    let file = try TensorBoardFile(folder: path)
    #expect(
      file.texts.filter { $0.tag == "command" } == [
        .init(tag: "command", step: 0, text: "    vtkit finetune --data 'a b'"),
        .init(tag: "command", step: 3, text: "    vtkit finetune --resume 'a b'"),
      ])
    let recipes = file.texts.filter { $0.tag == "recipe" }
    #expect(recipes.count == 1 && file.texts.count == 3 && recipes[0].step == 0)
    for text in [
      "#### Optimizer\n\n| setting | value |\n|---|---|\n", "| batch size | 5 |", "| epochs | 2 |",
    ] {
      #expect(recipes[0].text.contains(text), "\(recipes[0].text)")
    }
    let began = try #require(trainer.folder.sessions().first?.began)
    #expect(file.beginnings.count == 1 && file.beginnings.first?.time == began)
    let settings = try #require(file.beginnings.first?.settings)
    #expect(settings["learningRate"] == .double(2e-3) && settings["drloc"] == .bool(true))
    #expect(settings["averageDecay"] == .string("none") && settings["checkpoint"] == .string("none"))
    #expect(settings["data"] == .string("data") && settings["drloc.weight"] == .double(0.3))
    #expect(settings["loraAlpha"] == .string("none") && settings["warmupEpochs"] == .double(1))
    // The grid of all that is there, each once: 21 images and one that cannot be read.
    #expect(file.pictures.count == 1)
    let picture = try #require(file.pictures.first)
    #expect(picture.tag == "training images" && picture.width == 4 * 24 + 6 && picture.height == 4 * 24 + 6)
    let decoded = try Image.decode(Data(picture.png))
    #expect(decoded.width == picture.width && decoded.height == picture.height)
    let steps = trainer.state.updates
    let best = file.scalars.filter { $0.tag.hasPrefix("best/") }
    let accuracy = try #require(outcome.evaluation?.accuracy)
    #expect(best == [.init(tag: "best/val_accuracy", step: steps, value: Float(accuracy))])
    #expect(file.ends.map(\.status) == [1])
    // Writing the report of a finished run again tells nothing twice.
    try trainer.writeReport(outcome, ReportExtras())
    let again = try Trainer(resuming: RunFolder.open(path), data: data, engine: Engine(threads: 1))
    try again.run()
    _ = try again.measure(again.folder.bestWeights())
    let whole = try TensorBoardFile(folder: path)
    #expect(whole.scalars == file.scalars && whole.texts == file.texts && whole.pictures == file.pictures)
    #expect(whole.beginnings.count == 1 && whole.ends.count == 1)
  }

  @Test func gridsHavePlaceForAll() throws {
    let colours: [UInt8] = [10, 90, 170]
    let images = colours.map { Image(width: 4, height: 4, pixels: [UInt8](repeating: $0, count: 48)) }
    let grid = try #require(try Image.grid(images, columns: 2, side: 128))
    #expect(grid.width == 10 && grid.height == 10)
    func level(_ x: Int, _ y: Int) -> UInt8 { grid.pixels[(y * 10 + x) * 3] }
    #expect([level(0, 0), level(9, 3), level(3, 9)] == colours)
    // Between them, and where there is none.
    #expect(level(4, 0) == 255 && level(0, 5) == 255 && level(9, 9) == 255)
    #expect(try Image.grid([], columns: 2, side: 4) == nil)
  }

  @Test func theChecksumIsTheStandardOne() {
    // CRC-32C of "123456789" is 0xE3069283.
    let crc: UInt32 = 0xE306_9283
    #expect(TensorBoardLog.maskedCRC(Array("123456789".utf8)) == (crc >> 15 | crc << 17) &+ 0xA282_EAD8)
  }
}
