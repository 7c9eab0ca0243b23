// Brings weights to another library:
//
//     swift run --package-path Examples Convert ViT-B_16.npz vit.safetensors timm
//
// The suffix says the format; a slash at the end of the output makes a model folder. Every tensor on both sides is
// accounted for, and no number is changed.
import VTKit

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 3, let input = arguments.first, let dialect = arguments.last else {
  throw Failure(.usage, "give an input, an output and a dialect ('vtkit dialects' lists them)")
}
let output = arguments[2]

let network = try Network(contentsOf: input)
print("\(input): \(network.architecture), names of \(network.dialect), images of \(network.imageSize) pixels")
// What the file left open, and what was taken.
for note in network.notes { print("note: \(note)") }
for file in try network.write(to: output, as: Dialect(dialect)) { print("wrote \(file)") }
