// swift-tools-version: 6.1
import PackageDescription

// Coverage-guided fuzzing of everything that reads files. A package of its own: libFuzzer brings the main function, and all
// modules are built with its instrumentation (`make fuzz`).
let package = Package(
  name: "Fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "VTKit", path: "..")],
  targets: [
    .executableTarget(
      name: "fuzz",
      dependencies: [.product(name: "VTKit", package: "VTKit")],
      path: "Targets",
      swiftSettings: [.unsafeFlags(["-parse-as-library"])])
  ]
)
