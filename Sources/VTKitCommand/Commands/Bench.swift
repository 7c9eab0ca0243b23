import ArgumentParser
import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTKit
import VTModels
import VTTensor
import VTTraining

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures training, prediction, conversion and reading images on this machine.",
    discussion: "Example: vtkit bench train --model vit_small_patch16_224 --batch 16",
    subcommands: [BenchTrain.self, BenchPredict.self, BenchConvert.self, BenchData.self])
}

/// What training and prediction are measured with.
struct BenchArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("The network by name ('vtkit models').", valueName: "name"), completion: .models)
  var model = "vit_small_patch16_224"

  @Option(help: ArgumentHelp("Side of the images; the network's own where left out.", valueName: "side"))
  var imageSize: Int?

  @Option(
    name: [.long, .customLong("batch-size"), .customShort("b")],
    help: ArgumentHelp("Images at a time.", valueName: "n"))
  var batch = 16

  @Option(help: ArgumentHelp("Measured rounds; the fastest counts.", valueName: "n"))
  var rounds = 8

  @Flag(help: "Time every operation, forward and backward, beside the whole.")
  var profile = false

  @Flag(help: "Write JSON.")
  var json = false

  @OptionGroup var engineArguments: EngineArguments

  func validate() throws {
    if batch < 1 || rounds < 1 { throw ValidationError("--batch and --rounds are at least 1.") }
    if let imageSize, imageSize < 1 { throw ValidationError("--image-size is at least 1.") }
  }

  /// The network with random weights.
  func network(_ engine: Engine) throws -> any VisionModel {
    let configuration = try Models.named(model).configuration
    return try Models.make(
      configuration.replacing(imageSize.map { ["image_size": .int($0)] } ?? [:]), weights: nil,
      engine: engine)
  }

  /// Images of random numbers and random labels.
  func inputs(_ model: any VisionModel, _ engine: Engine) -> (Tensor, [Int32]) {
    var generator = RandomKey(seed: 1, purpose: .synthetic).generator()
    let size = model.imageSize
    let pixels = (0..<batch * size * size * 3).map { _ in Float(generator.normal()) }
    let labels = (0..<batch).map { _ in Int32(generator.below(model.numClasses)) }
    return (engine.tensor(pixels, [batch, size, size, 3]), labels)
  }

  /// Times `body`, which does one round of `batch` images; prints the figures.
  func measure(_ what: String, _ engine: Engine, _ body: () throws -> Void) throws {
    // The first rounds take memory from the system.
    for _ in 0..<2 { try body() }
    let requests = engine.buffers.systemRequests
    let before = engine.flops
    try body()
    let operations = Double(engine.flops - before)
    var times: [Double] = []
    for _ in 0..<rounds {
      let began = DispatchTime.now().uptimeNanoseconds
      try body()
      times.append(Double(DispatchTime.now().uptimeNanoseconds - began) * 1e-9)
    }
    // Before the roof takes some of its own.
    let memory = peakMemory()
    let roof = PeakGEMM.measure(engine)
    let fastest = times.min() ?? 0
    let speed = operations / fastest
    let taken = engine.buffers.systemRequests - requests
    let profile = try self.profile ? profiled(engine, body) : nil
    if json {
      print(
        JSON.object([
          "what": .string(what), "model": .string(model), "batch": .int(batch),
          "threads": .int(engine.threads.threads),
          "instructions": .string(engine.instructions.rawValue),
          "images_per_second": .double(Double(batch) / fastest),
          "gflops_per_second": .double(speed * 1e-9), "roof_gflops_per_second": .double(roof * 1e-9),
          "share_of_roof": .double(speed / roof), "peak_memory_bytes": .int(memory),
          "allocations_after_warm_up": .int(taken),
          "seconds": .array(times.map { .double($0) }),
          "profile": profile?.json ?? .null,
        ]).text(pretty: true))
      return
    }
    print(
      "\(what) \(model), batch \(batch), \(engine.threads.threads) threads, \(engine.instructions), best of \(rounds)"
    )
    print("  images/s         \(Format.fixed(Double(batch) / fastest, 2))")
    print("  matrix GFLOP/s   \(Format.fixed(speed * 1e-9, 1))")
    print("  SGEMM roof       \(Format.fixed(roof * 1e-9, 1)) GFLOP/s, measured in this process")
    print("  share of roof    \(Format.percent(speed / roof))")
    print("  peak memory      \(Format.bytes(memory))")
    print("  allocations      \(taken) after warm-up")
    if let profile { print("\n" + profile.text(roof: roof)) }
  }

  /// Further rounds, with every operation timed.
  private func profiled(_ engine: Engine, _ body: () throws -> Void) rethrows -> ProfileReport {
    let profiler = Profiler()
    engine.profiler = profiler
    defer { engine.profiler = nil }
    let began = DispatchTime.now().uptimeNanoseconds
    for _ in 0..<rounds { try body() }
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - began) * 1e-9
    return ProfileReport(profiler, rounds: rounds, seconds: seconds)
  }
}

struct BenchTrain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Times training steps: forward, backward, update.",
    discussion: "Example: vtkit bench train --model vit_small_patch16_224 --batch 16")

  @OptionGroup var arguments: BenchArguments

  @Flag(help: "Without the drloc loss.")
  var noDrloc = false

  @Flag(help: "Activation checkpointing: compute each block twice rather than keep its inner results.")
  var recompute = false

  func run() throws {
    let engine = arguments.engineArguments.engine()
    let model = try arguments.network(engine)
    var objectives: [any Objective] = [CrossEntropyObjective(smoothing: 0.1)]
    if !noDrloc { objectives.append(DrlocObjective(DrlocOptions(weight: 0.1))) }
    for objective in objectives {
      try model.parameters.add(objective.parameterDeclarations(model), weights: nil, seed: 0)
    }
    let step = try TrainingStep(
      model: model, objectives: objectives,
      optimizer: OptimizerState(model.parameters, OptimizerSettings(), engine: engine), engine: engine,
      recomputes: recompute)
    let (images, labels) = arguments.inputs(model, engine)
    let inputs = StepInputs(
      images: images, labels: labels,
      keys: labels.indices.map { SampleKey(seed: 1, epoch: 0, index: $0) })
    try arguments.measure(noDrloc ? "train" : "train with drloc", engine) {
      _ = try step.run(inputs, learningRate: 1e-5, random: RandomKey(seed: 1, purpose: .dropout))
    }
  }
}

struct BenchPredict: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Times forward passes.",
    discussion: "Example: vtkit bench predict --model vit_small_patch16_224 --batch 1")

  @OptionGroup var arguments: BenchArguments

  func run() throws {
    let engine = arguments.engineArguments.engine()
    let model = try arguments.network(engine)
    let (images, _) = arguments.inputs(model, engine)
    try arguments.measure("predict", engine) {
      _ = model.forward(images, Tape(engine, recording: false)).logits.values
    }
  }
}

struct BenchConvert: CheckpointCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Times a conversion, and a plain copy of the same file beside it.",
    discussion: "Example: vtkit bench convert ViT-B_16.npz --suffix safetensors")

  @Argument(help: "The checkpoint to convert.", completion: .file())
  var input: String

  @Option(help: ArgumentHelp("The output's suffix.", valueName: "suffix"))
  var suffix = "safetensors"

  @Option(
    help: ArgumentHelp("The dialect to write; native where left out.", valueName: "dialect"),
    completion: .targets)
  var to: String?

  @Option(help: "Rounds; the fastest counts.")
  var rounds = 3

  @Flag(help: "Write JSON.")
  var json = false

  @OptionGroup var hdf5: HDF5Arguments

  func run() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/vtkit-bench-\(getpid())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let output = folder + "/out." + suffix
    let size = (try FileManager.default.attributesOfItem(atPath: input)[.size] as? Int) ?? 0
    var (conversion, copy) = (Double.infinity, Double.infinity)
    for _ in 0..<max(1, rounds) {
      copy = min(
        copy,
        try seconds {
          let file = try OutputFile(folder + "/copy", overwrite: true)
          try copyBytes(of: input, to: file)
          try file.commit()
          try FileManager.default.removeItem(atPath: folder + "/copy")
        })
      conversion = min(
        conversion,
        try seconds {
          try Network(contentsOf: input).write(
            to: output, as: to.map { Dialect($0) } ?? .native, overwrite: true)
          try FileManager.default.removeItem(atPath: output)
        })
    }
    if json {
      print(
        JSON.object([
          "bytes": .int(size), "convert_seconds": .double(conversion), "copy_seconds": .double(copy),
          "speed_against_copy": .double(copy / conversion), "peak_memory_bytes": .int(peakMemory()),
        ]).text(pretty: true))
      return
    }
    print("convert \(input) (\(Format.bytes(size))) to .\(suffix), best of \(rounds)")
    print(
      "  \(Format.bytes(Int(Double(size) / conversion)))/s, a copy of the file: \(Format.bytes(Int(Double(size) / copy)))/s"
    )
    print("  share of the copy's speed  \(Format.percent(copy / conversion))")
    print("  peak memory                \(Format.bytes(peakMemory()))")
  }

  private func copyBytes(of path: String, to file: OutputFile) throws {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw Failure.system("opening", file: path) }
    defer { close(descriptor) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count == 0 { return }
      guard count > 0 else { throw Failure.system("reading", file: path) }
      try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }

  private func seconds(_ body: () throws -> Void) throws -> Double {
    let began = DispatchTime.now().uptimeNanoseconds
    try body()
    return Double(DispatchTime.now().uptimeNanoseconds - began) * 1e-9
  }
}
