// swift-tools-version: 6.1
import PackageDescription

// Programs that use VTKit as any package outside of this one does. The first lines of each main.swift say how it is run.
let package = Package(
  name: "Examples",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "VTKit", path: "..")],
  targets: ["Convert", "FineTune", "OwnDialect", "OwnNetwork", "OwnOptimizer"].map { name in
    .executableTarget(
      name: name, dependencies: [.product(name: "VTKit", package: "VTKit")], path: name)
  }
)
