import VTCore
import VTModels

/// Gradual unfreezing (Howard and Ruder, ACL 2018): a run begins with the classifier alone, and every so many epochs another
/// block learns, from the output to the input.
package struct Unfreezing {
  /// What begins to learn together.
  struct Part {
    let names: Set<String>
    /// Blocks count from 1 at the input; 0 is what is in front of them.
    let block: Int
  }

  /// Epochs between two parts.
  private let every: Int
  private let blockCount: Int
  /// In the order in which they learn.
  let parts: [Part]

  /// - Parameter trainable: the parameters that learn at some time; a block without any is left out.
  /// - Returns: nil where the recipe has everything learn at once.
  init?(_ recipe: Recipe, of configuration: JSON, _ trainable: TrainableParameters) throws {
    guard let every = recipe.unfreezeEvery else { return nil }
    self.every = every
    let declarations = try Models.parameterDeclarations(configuration)
    let depths = try Models.parameterDepths(configuration)
    let learning = declarations.filter {
      $0.isTrainable && !$0.isClassifier && trainable.contains($0.name)
    }
    // The classifier lies one deeper than the last block.
    blockCount = max(0, (depths.values.max() ?? 0) - 1)
    let blocks = Dictionary(grouping: learning) { depths[$0.name] ?? 0 }
    parts = blocks.sorted { $0.key > $1.key }.map { Part(names: Set($0.value.map(\.name)), block: $0.key) }
    guard declarations.contains(where: { $0.isClassifier && trainable.contains($0.name) }) else {
      throw Failure(
        .usage, "--unfreeze-every begins with the classifier, which is frozen", hint: "leave out --freeze")
    }
    guard !parts.isEmpty else {
      throw Failure(
        .usage, "--unfreeze-every: everything but the classifier is frozen, so no block would ever learn",
        hint: "freeze fewer blocks, or train with --head-only")
    }
  }

  /// The network's, as the recipe has it.
  /// - Throws: `Failure` where the recipe asks for what the network does not have.
  package init?(_ configuration: RunConfiguration) throws {
    let (recipe, shape) = (configuration.recipe, configuration.metadata.configuration)
    try self.init(recipe, of: shape, TrainableParameters(recipe, of: shape))
  }

  /// How many parts learn in an epoch, from 0.
  func due(in epoch: Int) -> Int { min(epoch / every, parts.count) }

  /// How many updates were made when parameters began to learn, and those that do not yet. The classifier and what only
  /// training needs are not among them.
  /// - Parameter releases: the updates for each of the parts that learn.
  func begins(_ releases: [Int]) throws -> (begins: [String: Int], waiting: Set<String>) {
    guard releases.count <= parts.count else {
      throw Failure("the training state's 'releases' are more than the parts of the network")
    }
    var begins: [String: Int] = [:]
    for (part, count) in zip(parts, releases) { for name in part.names { begins[name] = count } }
    return (begins, parts[releases.count...].reduce(into: []) { $0.formUnion($1.names) })
  }

  /// `block 12 of 12 learns`.
  func text(_ parts: some Collection<Part>) -> String {
    let names = parts.map {
      $0.block == 0 ? "what is in front of the blocks" : "block \($0.block) of \(blockCount)"
    }
    return names.joined(separator: " and ") + (names.count == 1 ? " learns" : " learn")
  }

  /// What learns when, in words.
  /// - Parameter epochs: of the run.
  package func summary(epochs: Int) -> String {
    let step = every == 1 ? "epoch" : "\(every) epochs"
    let begin = "the head alone learns at first, another block from the last one on every \(step)"
    let reached = due(in: epochs - 1)
    guard reached < parts.count else {
      return "\(begin), everything from epoch \(every * parts.count + 1) on"
    }
    return
      "\(begin); \(parts.count - reached) of \(parts.count) parts never learn in \(epochs.counted("epoch")), with \(every * parts.count + 1) all would"
  }
}
