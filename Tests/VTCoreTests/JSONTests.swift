import Testing
import VTCore

struct JSONTests {
  @Test(arguments: [
    "{\"a\":1,\"a\":2}", "[1,]", "{\"a\"}", "01", "1.", "+1", "nul", "\"\\x\"", "\"\\ud800\"", "[1] 2",
    "\"a", "{\"a\":1", "\u{FEFF}{}", "'a'", "{\"\\u0061\":1,\"a\":2}",
  ])
  func refuses(_ text: String) {
    #expect(throws: Failure.self) { try JSON(parsing: text) }
  }

  @Test func keepsOrderAndSpelling() throws {
    let text = #"{"z":1e-06,"a":[true,null,-0.50,"é\n\"\\"],"m":{}}"#
    let json = try JSON(parsing: text)
    #expect(json.text() == text)
    #expect(try JSON(parsing: json.text(pretty: true)) == json)
    #expect(json["z"]?.double == 1e-6)
    #expect(json["a"]?.array?[3].string == "é\n\"\\")
  }

  @Test func escapesComeOutRight() throws {
    #expect(try JSON(parsing: #""\ud83d\ude00A\/""#).string == "😀A/")
  }

  @Test func deepNestingIsRefusedWithoutOverflow() {
    let text = String(repeating: "[", count: 100_000)
    #expect(throws: Failure.self) { try JSON(parsing: text) }
  }

  @Test func doublesReadBackToTheSameBits() throws {
    for value in [0.1, 1.0 / 3, 1e300, -2.5e-308, 12, 0] {
      #expect(try JSON(parsing: JSON.double(value).text()).double == value)
    }
  }
}
