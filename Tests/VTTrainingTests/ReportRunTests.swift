import Foundation
import TestSupport
import Testing
import VTCore
import VTTensor

@testable import VTTraining

/// What the report says of the run itself.
struct ReportRunTests {
  private static func session(
    began: Double, seconds: Double?, command: [String]? = nil
  ) -> RunSession {
    var session = RunSession(Engine(threads: 2), command: command)
    (session.began, session.seconds) = (began, seconds)
    return session
  }

  /// A killed session counts up to the last epoch that it ended.
  @Test func theTimeIsThatOfAllSessions() throws {
    let folder = try TemporaryFolder()
    var page = ReportTests.page(try TrainerTests.data(folder), classes: ["a", "b"])
    page.sessions = [
      Self.session(began: 1000, seconds: nil), Self.session(began: 2000, seconds: nil),
      Self.session(began: 3000, seconds: 60),
    ]
    let ends = [1100.0, 1250, 3020].map { JSON.object(["time": .double($0)]) }
    let times = ReportPage(
      configuration: page.configuration, state: page.state, evaluation: nil, test: nil, data: page.data,
      updates: [], epochs: ends, sessions: page.sessions)
    #expect(times.trainingSeconds == 310)
    #expect(times.html.contains("<th>training took</th><td>5 min 10 s, in 3 parts</td>"))
    #expect(times.html.contains("<th>began</th><td>1970-01-01 00:16:40 UTC</td>"))
    #expect(!times.html.contains("<th>command</th>"))
  }

  @Test func theCommandIsAsAShellTakesIt() throws {
    let folder = try TemporaryFolder()
    var page = ReportTests.page(try TrainerTests.data(folder), classes: ["a", "b"])
    page.sessions = [
      Self.session(
        began: 0, seconds: 1,
        command: ["/usr/bin/vtkit", "finetune", "--data", "my <pictures>", "it's", "--lr=1e-3", "", "größe"]),
      Self.session(began: 9, seconds: 1, command: ["vtkit", "finetune", "--resume", "run"]),
    ]
    let html = page.html
    #expect(
      html.contains(
        "<pre>vtkit finetune --data 'my &lt;pictures&gt;' 'it'\\''s' --lr=1e-3 '' 'größe'</pre>"))
    #expect(html.contains("<th>then</th><td><pre>vtkit finetune --resume run</pre></td>"))
    #expect(html.contains("<th>VTKit</th><td>\(Version.current)</td>"))
  }

  @Test func whatDiffersFromTheDefaultsIsMarked() throws {
    let folder = try TemporaryFolder()
    var page = ReportTests.page(try TrainerTests.data(folder), classes: ["a", "b"]) { recipe in
      recipe.optimizer = OptimizerSettings("sgd")
      (recipe.learningRate, recipe.mixup) = (0.01, 0.2)
      recipe.drloc?.weight = 0.1
      recipe.dropsLastBatch = true
    }
    page.network.usual.optimizer = OptimizerSettings("sgd")
    page.network.usual.drloc?.weight = 0.1
    page.network.usual.dropsLastBatch = false
    let html = page.recipe
    func has(_ name: String, _ value: String) {
      #expect(html.contains("<th>\(name)</th><td>\(value)</td>"), "\(name)")
    }
    has("epochs", "<b>100</b> <span class=\"dim\">(default 20)</span>")
    has("batch size", "32")
    has("learning rate", "<b>0.01</b> <span class=\"dim\">(default 0.0002)</span>")
    // A tenth of the run, at most five, unless the recipe says otherwise.
    has("warm-up epochs", "5")
    has("optimizer", "<b>sgd</b> <span class=\"dim\">(default adamw)</span>")
    has("momentum", "0.9")
    has("mixup", "<b>0.2</b> <span class=\"dim\">(default 0)</span>")
    has("mix probability", "1")
    has("weight λ", "0.1")
    has("drop the last batch", "<b>yes</b> <span class=\"dim\">(default no)</span>")
    has("random crop, part of the area", "0.35, 1")
    has("policy", "none")
    // Without effect here.
    for name in ["decay rate", "LoRA alpha", "erased with", "mix switch probability"] {
      #expect(!html.contains("<th>\(name)</th>"), "\(name)")
    }
    #expect(!html.contains("{") && !html.contains("null"))
  }

  /// Every key has a name that people read, its own.
  @Test func keysHaveNames() {
    for group in RecipeKey.groups(optimizer: "adamw") {
      let names = group.keys.map { ReportPage.name($0) }
      #expect(Set(names).count == names.count, "\(group.title): \(names)")
      #expect(names.allSatisfy { !$0.contains(".") && $0.first != " " })
    }
  }

  @Test func exportsAreShownWithTheirPython() throws {
    let folder = try TemporaryFolder()
    var page = ReportTests.page(try TrainerTests.data(folder), classes: ["a", "b"])
    page.folder = "/runs/my run"
    page.extras.exports = [
      ReportExport(path: "a<b.npz", dialect: "jax", python: nil),
      ReportExport(path: "t.safetensors", dialect: "timm", python: "model = load(\"<t>\")"),
    ]
    let html = page.exports
    #expect(html.contains("<h3>a&lt;b.npz</h3>") && html.contains("<code>timm</code>"))
    #expect(html.contains("<pre>model = load(&quot;&lt;t&gt;&quot;)</pre>"))
    #expect(html.contains("<pre>vtkit predict --checkpoint 'a&lt;b.npz' IMAGE</pre>"))
    #expect(html.contains("<pre>vtkit predict --checkpoint '/runs/my run' IMAGE</pre>"))
  }

  @Test func processorsAreNamed() {
    #expect(
      Machine.processor(in: "processor\t: 0\nmodel name\t: Some  CPU @ 2.50GHz\nmodel name\t: Other\n")
        == "Some CPU @ 2.50GHz")
    #expect(Machine.processor(in: "processor\t: 0\nBogoMIPS\t: 50\n") == nil)
    #expect(!Machine.processor.isEmpty)
  }

  @Test(arguments: [
    (4.21, "4.2 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (200, "3 min 20 s"), (3600, "1 h 0 min"),
    (93_780, "26 h 3 min"),
  ])
  func durationsAreReadable(_ seconds: Double, _ text: String) {
    #expect(Format.duration(seconds) == text)
  }

  @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (21_665_664, "21,665,664"), (-1234, "-1,234")])
  func countsHaveSeparators(_ count: Int, _ text: String) { #expect(Format.count(count) == text) }

  /// Each process leaves a line, however it ends; damaged lines do no harm.
  @Test func sessionsAreKept() throws {
    let temporary = try TemporaryFolder()
    let folder = RunFolder(path: temporary.path)
    let engine = Engine(threads: 1)
    struct Stop: Error {}
    #expect(throws: Stop.self) { try folder.session(engine, command: ["vtkit", "a b"]) { throw Stop() } }
    let text = try String(contentsOfFile: folder.sessionsPath, encoding: .utf8)
    try (text + "{\"began\": tr\n").write(toFile: folder.sessionsPath, atomically: true, encoding: .utf8)
    try folder.session(engine, command: nil) {
      #expect(folder.sessions().map { $0.seconds == nil } == [false, true], "while it runs, it has no end")
    }
    let sessions = folder.sessions()
    #expect(sessions.map(\.command) == [["vtkit", "a b"], nil])
    #expect(
      sessions.allSatisfy { ($0.seconds ?? -1) >= 0 && $0.version == Version.current && $0.threads == 1 })
    #expect(sessions[0].instructions == engine.instructions.rawValue)
  }
}
