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
    abstract: "Measures the speed of training, prediction, conversion and image decoding.",
    discussion: "Example: vtkit bench train --model vit_small_patch16_224 --batch 16",
    subcommands: [BenchTrain.self, BenchPredict.self, BenchConvert.self, BenchData.self])
}

/// What training and prediction are measured with.
struct BenchArguments: ParsableArguments {
  @OptionGroup(title: "Network") var networkArguments: BenchNetworkArguments
  @OptionGroup(title: "Measurement") var measurement: StepMeasurementArguments
  @OptionGroup(title: "Computing") var engineArguments: EngineArguments

  private var model: String { networkArguments.model }
  private var batch: Int { measurement.batch }
  private var rounds: Int { measurement.rounds }
  /// The network with random weights.
  func network(_ engine: Engine) throws -> any VisionModel {
    let configuration = try Models.named(model).configuration
    return try Models.make(
      configuration.replacing(networkArguments.imageSize.map { ["image_size": .int($0)] } ?? [:]),
      weights: nil,
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
    // Before the peak measurement allocates its own.
    let memory = peakMemory()
    let roof = PeakGEMM.measure(engine)
    let fastest = times.min() ?? 0
    let speed = operations / fastest
    let taken = engine.buffers.systemRequests - requests
    let profile = try measurement.profile ? profiled(engine, body) : nil
    if measurement.json {
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
    print("  peak memory      \(ByteSize.text(memory))")
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
  @OptionGroup(title: "Training") var training: BenchTrainingArguments

  func run() throws {
    let noDrloc = training.noDrloc
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
      recomputes: training.recompute)
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

  @OptionGroup(title: "Conversion") var conversion: BenchConversionArguments
  @OptionGroup(title: "Conversion") var hdf5: HDF5Arguments
  @OptionGroup(title: "Measurement") var measurement: MeasurementArguments
  func run() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/vtkit-bench-\(getpid())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let output = folder + "/out." + conversion.suffix
    let size = (try FileManager.default.attributesOfItem(atPath: input)[.size] as? Int) ?? 0
    var (converting, copying) = (Double.infinity, Double.infinity)
    for _ in 0..<measurement.rounds {
      copying = min(
        copying,
        try seconds {
          let file = try OutputFile(folder + "/copy", overwrite: true)
          try copyBytes(of: input, to: file)
          try file.commit()
          try FileManager.default.removeItem(atPath: folder + "/copy")
        })
      converting = min(
        converting,
        try seconds {
          try Network(contentsOf: input).write(
            to: output, as: conversion.to.map { Dialect($0) } ?? .native, overwrite: true)
          try FileManager.default.removeItem(atPath: output)
        })
    }
    if measurement.json {
      print(
        JSON.object([
          "bytes": .int(size), "convert_seconds": .double(converting), "copy_seconds": .double(copying),
          "speed_against_copy": .double(copying / converting), "peak_memory_bytes": .int(peakMemory()),
        ]).text(pretty: true))
      return
    }
    print(
      "convert \(input) (\(ByteSize.text(size))) to .\(conversion.suffix), best of \(measurement.rounds)")
    print(
      "  \(ByteSize.text(Int(Double(size) / converting)))/s, a copy of the file: \(ByteSize.text(Int(Double(size) / copying)))/s"
    )
    print("  share of the copy's speed  \(Format.percent(copying / converting))")
    print("  peak memory                \(ByteSize.text(peakMemory()))")
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
