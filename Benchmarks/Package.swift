// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that users of the toolkit do not fetch what only benchmarks need.
let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "VTKit", path: ".."),
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "Operations",
      dependencies: [
        .product(name: "VTKit", package: "VTKit"),
        .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "Operations",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
  ]
)
