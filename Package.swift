// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "VTKit",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "vtkit", targets: ["vtkit"]),
    .library(
      name: "VTKit",
      targets: ["Checkpoint", "Conversion", "Tensor", "VisionModels", "Datasets", "FineTuning"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // System libraries.
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    // Its header alone, which needs no flags: the library is loaded when something needs it.
    .systemLibrary(name: "CHDF5", providers: [.apt(["libhdf5-dev"]), .brew(["hdf5"])]),
    .systemLibrary(
      name: "CDeflate", pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev"]), .brew(["libdeflate"])]),
    // SHA-256, where the system has no CryptoKit.
    .systemLibrary(name: "CNettle", pkgConfig: "nettle", providers: [.apt(["nettle-dev"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(
      name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
      name: "CJPEG", pkgConfig: "libjpeg",
      providers: [.apt(["libjpeg62-turbo-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(
      name: "CWebP", pkgConfig: "libwebpdemux", providers: [.apt(["libwebp-dev"]), .brew(["webp"])]),
    .systemLibrary(
      name: "CTIFF", pkgConfig: "libtiff-4", providers: [.apt(["libtiff-dev"]), .brew(["libtiff"])]),
    // giflib has no pkg-config file.
    .systemLibrary(name: "CGIF", providers: [.apt(["libgif-dev"]), .brew(["giflib"])]),

    // C kernels and codecs: no allocation of results, no threads, no Swift.
    .target(name: "CKernels"),
    .target(name: "CFiles"),
    .target(
      name: "CImaging", dependencies: ["CPNG", "CJPEG", "CWebP", "CTIFF", "CGIF"],
      linkerSettings: [.linkedLibrary("gif")]),
    .target(name: "CHDF5Support", dependencies: ["CHDF5"]),

    // The toolkit, in the order in which modules may depend on each other.
    .target(name: "Threads"),
    .target(
      name: "Checkpoint",
      dependencies: [
        "CHDF5", "CHDF5Support", "CDeflate", "CFiles", "CZlib", "CKernels", "Threads",
        .target(name: "CNettle", condition: .when(platforms: [.linux])),
      ]),
    // The rule files in converters/, embedded.
    .target(name: "Converters", plugins: ["EmbedRules"]),
    .plugin(name: "EmbedRules", capability: .buildTool(), dependencies: ["embed-rules"]),
    .executableTarget(name: "embed-rules", path: "Plugins/embed-rules"),
    .target(
      name: "Conversion",
      dependencies: ["Checkpoint", "Converters", "CKernels", .product(name: "Yams", package: "Yams")]),
    .target(name: "Tensor", dependencies: ["CKernels", "COpenBLAS", "Threads"]),
    .target(name: "VisionModels", dependencies: ["Tensor", "Checkpoint"]),
    .target(
      name: "Datasets", dependencies: ["CImaging", "CKernels", "Checkpoint", "Tensor", "Threads"]),
    .target(
      name: "FineTuning",
      dependencies: ["Checkpoint", "Tensor", "VisionModels", "Datasets", "CKernels"]),
    .executableTarget(
      name: "vtkit",
      dependencies: [
        "Checkpoint", "Conversion", "Tensor", "VisionModels", "Datasets", "FineTuning", "Threads",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // Tests mirror Sources.
    .target(
      name: "TestSupport",
      dependencies: ["Checkpoint", "Tensor"],
      path: "Tests/TestSupport"),
    .testTarget(name: "CheckpointTests", dependencies: ["Checkpoint", "TestSupport"]),
    .testTarget(
      name: "ConversionTests",
      dependencies: ["Conversion", "Converters", "Checkpoint", "TestSupport"]),
    .testTarget(name: "TensorTests", dependencies: ["Tensor", "CKernels", "TestSupport"]),
    .testTarget(
      name: "VisionModelsTests",
      dependencies: ["VisionModels", "Conversion", "Checkpoint", "TestSupport"]),
    .testTarget(
      name: "DatasetsTests", dependencies: ["Datasets", "Checkpoint", "TestSupport"]),
    .testTarget(
      name: "FineTuningTests",
      dependencies: ["FineTuning", "Conversion", "Checkpoint", "TestSupport"]),
    .testTarget(name: "CommandTests", dependencies: ["vtkit", "Checkpoint", "TestSupport"]),
  ]
)
