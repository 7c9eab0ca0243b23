import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTTraining

/// Recipe files, and options over them.
struct RecipeTests {
  private static func read(_ text: String) throws -> Recipe {
    let folder = try TemporaryFolder()
    let path = folder.file("recipe.json")
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return try Recipe(contentsOf: path)
  }

  @Test(arguments: Optimizers.names)
  func aRecipeReadsBackWhole(_ optimizer: String) throws {
    var recipe = Recipe()
    recipe.epochs = 7
    recipe.seed = .max
    recipe.optimizer = OptimizerSettings(optimizer, weightDecay: 0.25, clipNorm: nil)
    recipe.drloc = DrlocOptions(mode: .cbr, weight: 0.75, scheduleWarmupEpochs: 4)
    #expect(try Self.read(recipe.json.text(pretty: true)) == recipe)
    recipe.drloc = nil
    #expect(try Self.read(recipe.json.text()) == recipe)
  }

  @Test func whatAFileLeavesOutHasItsDefault() throws {
    #expect(try Self.read("{}") == Recipe())
    let recipe = try Self.read(
      """
      {"version": 2, "epochs": 3, "drloc": {"pairs": 9}, "optimizer": {"beta2": 0.95}}
      """)
    var expected = Recipe()
    expected.epochs = 3
    expected.drloc?.pairs = 9
    expected.optimizer["beta2"] = 0.95
    #expect(recipe == expected)
    #expect(try Self.read("{\"drloc\": null}").drloc == nil)
  }

  @Test func filesOfTheVersionBeforeMeanWhatTheyMeant() throws {
    let recipe = try Self.read("{\"version\": 1}")
    #expect(recipe.followsReferenceSchedule && recipe.dropsLastBatch == true)
    #expect(try Self.read("{\"version\": 1, \"dropsLastBatch\": false}").dropsLastBatch == false)
  }

  /// A run folder of any version has the keys that there were then, and opens. So a key may not be added to a version that
  /// has written folders: the numbers here stay, and a key that is added raises `Recipe.version`.
  @Test(arguments: [(1, 34), (2, 64), (3, 71), (4, 74)])
  func everyVersionHasItsKeys(_ version: Int, _ count: Int) throws {
    let (of, later) = (
      RecipeKey.all.filter { $0.since <= version }, RecipeKey.all.filter { $0.since > version }
    )
    #expect(of.count == count)
    #expect(RecipeKey.all.map(\.since).max() == Recipe.version)
    let members = Recipe().json.members ?? []
    let names = Set(later.map(\.name))
    var recipe = Recipe()
    recipe.epochs = 1
    let lacking = try recipe.read(
      .object(
        members.filter { !names.contains($0.key) && $0.key != "version" } + [
          .init(key: "version", value: .int(version))
        ]), .whole)
    #expect(lacking == [] && recipe.epochs == Recipe().epochs && !names.contains("epochs"))
  }

  @Test(arguments: [
    ("{\"epoch\": 3}", "the recipe has the key 'epoch', which this version of VTKit does not know", "epochs"),
    ("{\"drloc\": {\"pair\": 3}}", "the recipe has the key 'drloc.pair'", "drloc.pairs"),
    ("{\"drloc.pairs\": 3}", "the recipe has the key 'drloc.pairs'", "object"),
    ("{\"epochs\": 0}", "the recipe's 'epochs' must be at least 1", ""),
    ("{\"epochs\": \"3\"}", "the recipe's 'epochs' is \"3\", and must be a whole number", ""),
    (
      "{\"optimizer\": {\"name\": \"adam\"}}",
      "the recipe's 'optimizer.name' is \"adam\", and must be one of", ""
    ),
    ("{\"optimizer\": 3}", "the recipe's 'optimizer' is 3, and must be an object", ""),
    (
      "{\"version\": 99}", "the recipe is of a newer version of VTKit (version 99; this one knows up to 4)",
      ""
    ),
    ("{\"drloc\": {\"normalizes\": true}}", "the recipe's 'drloc.normalizes' goes with", ""),
    ("[]", "the recipe is not a JSON object", ""), ("{\"epochs\": 3", "malformed JSON", ""),
  ])
  func mistakesInFilesAreNamed(_ text: String, _ problem: String, _ hint: String) throws {
    let failure = #expect(throws: Failure.self) { try Self.read(text) }
    #expect(failure?.kind == .badInput && failure?.file?.hasSuffix("recipe.json") == true)
    #expect(failure?.problem.hasPrefix(problem) == true, "\(failure?.description ?? "")")
    #expect(hint.isEmpty || failure?.hint?.contains(hint) == true, "\(failure?.description ?? "")")
  }

  @Test(
    arguments: [
      (999, true, "few-images"), (1_000, true, nil), (19_999, true, nil), (20_000, true, "many-images"),
      (10, false, "from-scratch"), (50_000, false, "from-scratch"),
    ] as [(Int, Bool, String?)])
  func imagesChooseTheRecipe(_ images: Int, _ isPretrained: Bool, _ name: String?) throws {
    let choice = RecipeChoice(images: images, isPretrained: isPretrained)
    #expect(choice.name == name)
    #expect(try choice.recipe == name.map { try NamedRecipe.recipe($0) } ?? Recipe())
    #expect(choice.summary.contains(name ?? "the default"))
    // The images are divided before there is a choice.
    let usual = Recipe()
    #expect(
      choice.recipe.seed == usual.seed && choice.recipe.validationFraction == usual.validationFraction)
    let failure = #expect(throws: Failure.self) { try NamedRecipe.recipe("auto") }
    #expect(failure?.hint?.hasPrefix("give them with --data, or choose one of few-images") == true)
  }

  @Test func optionsOverruleTheFile() throws {
    var recipe = try Self.read("{\"epochs\": 3, \"batchSize\": 4, \"drloc\": null}")
    try recipe.apply([
      .init("epochs", .int(9)), .init(parsing: "drloc.mode=ce"), .init(parsing: "optimizer.beta1=0.8"),
      .init(parsing: "cropScale=[0.5, 0.9]"),
    ])
    #expect(recipe.epochs == 9 && recipe.batchSize == 4 && recipe.drloc?.mode == .ce)
    #expect(recipe.optimizer["beta1"] == 0.8 && recipe.cropScale == [0.5, 0.9])
    // Without the loss, its numbers say nothing.
    try recipe.apply([.init("drloc.pairs", .int(7)), .init("drloc", .null)])
    #expect(recipe.drloc == nil)
  }

  @Test(arguments: [
    ([Recipe.Override("epochs", .int(0))], "--epochs must be at least 1"),
    (
      [.init("epochs", .int(2)), .init("warmupEpochs", .int(2))],
      "--warmup-epochs must be below the number of epochs, 2: the rate would never be reached"
    ),
    (
      [.init("schedule", .string("one-cycle")), .init("followsReferenceSchedule", .bool(true))],
      "--schedule is not one of the reference code's with --reference-schedule"
    ),
    ([.init("optimizer.beta1", .int(1))], "--set optimizer.beta1 must be in 0..<1"),
    ([.init("epochs", .string("x"))], "--epochs is \"x\", and must be a whole number"),
    ([.init("epoch", .int(3))], "--set: a recipe has no key 'epoch'"),
    ([.init("optimizer.momentum", .number("0.5"))], "--momentum: the optimizer 'adamw' has no such number"),
    (
      [.init("optimizer.momentum", .int(1)), .init("optimizer.name", .string("sgd"))],
      "--momentum must be in 0..<1"
    ),
    (
      [.init("optimizer.name", .string("adam"))],
      "--optimizer is \"adam\", and must be one of adamw, sgd, lion"
    ),
    ([.init("epochs", .int(3)), .init("epochs", .int(4))], "--epochs is given twice"),
  ])
  func mistakesInOptionsAreNamed(_ overrides: [Recipe.Override], _ problem: String) throws {
    var recipe = Recipe()
    let failure = #expect(throws: Failure.self) {
      try recipe.apply(overrides)
      try recipe.validate()
    }
    #expect(failure?.kind == .usage && failure?.problem == problem, "\(failure?.description ?? "")")
  }

  @Test func anotherOptimizerHasItsOwnNumbers() throws {
    var recipe = try Self.read("{\"optimizer\": {\"name\": \"sgd\", \"momentum\": 0.8}}")
    #expect(recipe.optimizer["momentum"] == 0.8 && recipe.optimizer.weightDecay == 1e-4)
    // Which optimizer it is decides what the others mean, whatever their order.
    try recipe.apply([.init("optimizer.beta1", .number("0.8")), .init("optimizer.name", .string("adamw"))])
    #expect(recipe.optimizer["beta1"] == 0.8 && recipe.optimizer.weightDecay == 0.05)
    let failure = #expect(throws: Failure.self) { try Self.read("{\"optimizer\": {\"momentum\": 0.8}}") }
    #expect(
      failure?.problem
        == "the recipe has the key 'optimizer.momentum', which the optimizer 'adamw' does not know")
  }

  @Test func aSettingNeedsAKeyAndAValue() {
    for text in ["epochs", "=3", ""] {
      let failure = #expect(throws: Failure.self) { try Recipe.Override(parsing: text) }
      #expect(failure?.kind == .usage && failure?.problem.hasSuffix("is not KEY=VALUE") == true)
    }
  }
}
