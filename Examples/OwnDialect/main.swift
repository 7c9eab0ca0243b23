// Writes weights under the names of your own code, and reads them back:
//
//     swift run --package-path Examples OwnDialect our-lab.yaml ViT-S_16.npz ours.pth
//
// docs/guide/adding-a-dialect.md tells how to write such a rule file, and has one that this example is tested with. It
// holds for reading and for writing.
import VTKit

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 3 else { throw Failure(.usage, "give a rule file, weights and an output") }

let ours = try Dialect(rulesAt: arguments[0])
let network = try Network(contentsOf: arguments[1])
try network.write(to: arguments[2], as: ours)

// Other people's files of this kind are recognized from now on. What no tensor shows must be given.
let options = LoadOptions(configuration: .object(["num_heads": .int(3)]))
let back = try Network(contentsOf: arguments[2], options: options)
print("\(arguments[2]): \(back.architecture), names of \(back.dialect)")
