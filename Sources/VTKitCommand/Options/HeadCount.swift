import ArgumentParser
import VTCheckpoint
import VTCore

/// `--num-heads`: one number, or one for each stage.
struct HeadCount: ExpressibleByArgument {
  let json: JSON

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int($0) }
    guard numbers.count == parts.count, numbers.allSatisfy({ (1...4096).contains($0) }) else { return nil }
    json = numbers.count == 1 ? .int(numbers[0]) : .list(numbers)
  }
}
