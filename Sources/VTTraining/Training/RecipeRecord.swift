import VTCheckpoint
import VTCore

/// A recipe as `config.json` has it, every key written out.
extension Recipe {
  var json: JSON {
    .object([
      "epochs": .int(epochs), "batchSize": .int(batchSize), "learningRate": .double(learningRate),
      "minimumLearningRate": .double(minimumLearningRate),
      "warmupLearningRate": .double(warmupLearningRate),
      "warmupEpochs": .double(warmupEpochs), "schedule": .string(schedule.rawValue),
      "optimizer": .object([
        "weightDecay": .double(optimizer.weightDecay), "beta1": .double(optimizer.beta1),
        "beta2": .double(optimizer.beta2), "eps": .double(optimizer.eps),
        "clipNorm": optimizer.clipNorm.map { .double($0) } ?? .null,
      ]),
      "labelSmoothing": .double(labelSmoothing), "dropPath": .double(dropPath), "dropout": .double(dropout),
      "drloc": drloc?.json ?? .null,
      "cropScale": .array(cropScale.map { .double($0) }), "flipProbability": .double(flipProbability),
      "seed": .number(String(seed)), "validationFraction": .double(validationFraction),
      "strictData": .bool(strictData), "freezesBatchNorm": .bool(freezesBatchNorm),
      "recomputes": .bool(recomputes), "headOnly": .bool(headOnly),
    ])
  }

  /// - Parameter isEarlier: whether the record is of an earlier version, which left out keys that it did not know, and
  ///   wrote no nulls.
  /// - Throws: `Failure` naming the key that is missing, unknown or makes no sense.
  init(_ json: JSON, isEarlier: Bool, lacking: inout [String]) throws {
    let usual = Recipe()
    var reader = try RecordReader(json, "the recipe", allowsMissing: isEarlier)
    epochs = try reader.int("epochs", default: usual.epochs)
    batchSize = try reader.int("batchSize", default: usual.batchSize)
    learningRate = try reader.number("learningRate", default: usual.learningRate)
    minimumLearningRate = try reader.number("minimumLearningRate", default: usual.minimumLearningRate)
    warmupLearningRate = try reader.number("warmupLearningRate", default: usual.warmupLearningRate)
    warmupEpochs = try reader.number("warmupEpochs", default: usual.warmupEpochs)
    schedule = try reader.choice("schedule", default: usual.schedule)
    if let part = try reader.optional("optimizer", "an object", default: .some(nil), { $0 }) {
      optimizer = try AdamW.Options(part, isEarlier: isEarlier, lacking: &lacking)
    }
    labelSmoothing = try reader.number("labelSmoothing", default: usual.labelSmoothing)
    dropPath = try reader.number("dropPath", default: usual.dropPath)
    dropout = try reader.number("dropout", default: usual.dropout)
    drloc = try reader.optional("drloc", "an object", default: .some(nil)) { $0 }
      .map { try DrlocOptions($0, isEarlier: isEarlier, lacking: &lacking) }
    cropScale = try reader.value("cropScale", "two numbers", default: usual.cropScale) { value in
      let numbers = value.array?.compactMap(\.double)
      return numbers?.count == 2 && value.array?.count == 2 ? numbers : nil
    }
    flipProbability = try reader.number("flipProbability", default: usual.flipProbability)
    seed = try reader.value("seed", "a whole number from 0 on", default: usual.seed) { value in
      if case .number(let text) = value { UInt64(text) } else { nil }
    }
    validationFraction = try reader.number("validationFraction", default: usual.validationFraction)
    strictData = try reader.flag("strictData", default: usual.strictData)
    freezesBatchNorm = try reader.flag("freezesBatchNorm", default: usual.freezesBatchNorm)
    recomputes = try reader.flag("recomputes", default: usual.recomputes)
    headOnly = try reader.flag("headOnly", default: usual.headOnly)
    try reader.finish()
    // The earlier version's way to say that there is none.
    lacking += reader.lacking.filter { $0 != "drloc" }
    try validateRecord()
  }
}

extension AdamW.Options {
  fileprivate init(_ json: JSON, isEarlier: Bool, lacking: inout [String]) throws {
    let usual = AdamW.Options()
    var reader = try RecordReader(json, "the recipe", prefix: "optimizer.", allowsMissing: isEarlier)
    self.init(
      weightDecay: try reader.number("weightDecay", default: usual.weightDecay),
      beta1: try reader.number("beta1", default: usual.beta1),
      beta2: try reader.number("beta2", default: usual.beta2),
      eps: try reader.number("eps", default: usual.eps),
      clipNorm: try reader.optional("clipNorm", "a number", default: .some(nil), \.double))
    try reader.finish()
    lacking += reader.lacking.filter { $0 != "optimizer.clipNorm" }
  }
}

extension DrlocOptions {
  fileprivate var json: JSON {
    .object([
      "target": .string(target.rawValue), "mode": .string(mode.rawValue), "isSigned": .bool(isSigned),
      "normalizes": .bool(normalizes), "isMultiscale": .bool(isMultiscale), "pairs": .int(pairs),
      "weight": .double(weight), "scheduleWarmupEpochs": scheduleWarmupEpochs.map { .int($0) } ?? .null,
    ])
  }

  fileprivate init(_ json: JSON, isEarlier: Bool, lacking: inout [String]) throws {
    let usual = DrlocOptions()
    var reader = try RecordReader(json, "the recipe", prefix: "drloc.", allowsMissing: isEarlier)
    self.init(
      target: try reader.choice("target", default: usual.target),
      mode: try reader.choice("mode", default: usual.mode),
      isSigned: try reader.flag("isSigned", default: usual.isSigned),
      normalizes: try reader.flag("normalizes", default: usual.normalizes),
      isMultiscale: try reader.flag("isMultiscale", default: usual.isMultiscale),
      pairs: try reader.int("pairs", default: usual.pairs),
      weight: try reader.number("weight", default: usual.weight),
      scheduleWarmupEpochs: try reader.optional(
        "scheduleWarmupEpochs", "a whole number", default: .some(nil), \.int))
    try reader.finish()
    lacking += reader.lacking.filter { $0 != "drloc.scheduleWarmupEpochs" }
  }
}
