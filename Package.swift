// swift-tools-version: 6.1
import PackageDescription

// Without optimization, the C code takes most of the time of `swift test`. A package that is fetched as a dependency may not
// set such flags.
let isDependency = Context.packageDirectory.contains("/checkouts/")
let optimized: [CSetting] = isDependency ? [] : [.unsafeFlags(["-O2"], .when(configuration: .debug))]
// In a release build the modules are what is tested; the tests themselves would only take longer to compile.
let tests: [SwiftSetting] = isDependency ? [] : [.unsafeFlags(["-Onone"], .when(configuration: .release))]

let package = Package(
  name: "VTKit",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "vtkit", targets: ["VTKitCommand"]),
    .library(name: "VTKit", targets: ["VTKit"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // System libraries.
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
    .target(name: "CKernels", cSettings: optimized),
    .target(name: "CFiles"),
    // OpenBLAS is loaded when something needs it.
    .target(
      name: "CBLAS", linkerSettings: [.linkedFramework("Accelerate", .when(platforms: [.macOS]))]),
    .target(
      name: "CImaging", dependencies: ["CPNG", "CJPEG", "CWebP", "CTIFF", "CGIF"],
      cSettings: optimized, linkerSettings: [.linkedLibrary("gif")]),
    .target(name: "CHDF5Support", dependencies: ["CHDF5"]),

    // The toolkit, in the order in which modules may depend on each other.
    .target(name: "VTCore", dependencies: ["CKernels"]),
    .target(
      name: "VTCheckpoint",
      dependencies: [
        "CHDF5", "CHDF5Support", "CDeflate", "CFiles", "CZlib", "CKernels", "VTCore",
        .target(name: "CNettle", condition: .when(platforms: [.linux])),
      ]),
    // The rule files in converters/, embedded.
    .target(name: "VTConverters", plugins: ["EmbedRules"]),
    .plugin(name: "EmbedRules", capability: .buildTool()),
    .target(
      name: "VTConversion",
      dependencies: [
        "VTCore", "VTCheckpoint", "VTConverters", "CKernels", .product(name: "Yams", package: "Yams"),
      ]),
    .target(name: "VTTensor", dependencies: ["CKernels", "CBLAS", "VTCore"]),
    .target(name: "VTModels", dependencies: ["VTCore", "VTTensor", "VTCheckpoint"]),
    .target(
      name: "VTData", dependencies: ["CImaging", "CKernels", "VTCore", "VTCheckpoint", "VTTensor"]),
    .target(
      name: "VTTraining",
      dependencies: ["VTCore", "VTCheckpoint", "VTTensor", "VTModels", "VTData", "CKernels"],
      // The recipes in recipes/, embedded.
      plugins: ["EmbedRules"]),
    // The one module that a client imports.
    .target(
      name: "VTKit",
      dependencies: [
        "VTCore", "VTCheckpoint", "VTConversion", "VTTensor", "VTModels", "VTData", "VTTraining",
      ]),
    // The command; its product is `vtkit`.
    .executableTarget(
      name: "VTKitCommand",
      dependencies: [
        "VTKit", "VTCore", "VTCheckpoint", "VTConversion", "VTTensor", "VTModels", "VTData", "VTTraining",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // Tests mirror Sources.
    .target(
      name: "TestSupport",
      dependencies: ["VTCore", "VTCheckpoint", "VTTensor"],
      path: "Tests/TestSupport"),
    .testTarget(name: "VTCoreTests", dependencies: ["VTCore", "CKernels"]),
    .testTarget(name: "VTCheckpointTests", dependencies: ["VTCore", "VTCheckpoint", "TestSupport"]),
    .testTarget(
      name: "VTConversionTests",
      dependencies: ["VTCore", "VTConversion", "VTConverters", "VTCheckpoint", "TestSupport"]),
    .testTarget(
      name: "VTTensorTests", dependencies: ["VTCore", "VTTensor", "CKernels", "TestSupport"]),
    .testTarget(
      name: "VTModelsTests",
      dependencies: ["VTCore", "VTModels", "VTConversion", "VTCheckpoint", "TestSupport"]),
    .testTarget(
      name: "VTDataTests", dependencies: ["VTCore", "VTData", "VTCheckpoint", "TestSupport"]),
    .testTarget(
      name: "VTTrainingTests",
      dependencies: ["VTCore", "VTTraining", "VTConversion", "VTCheckpoint", "TestSupport"]),
    .testTarget(name: "VTKitTests", dependencies: ["VTKit", "TestSupport"]),
    .testTarget(
      name: "CommandTests", dependencies: ["VTKitCommand", "VTCore", "VTCheckpoint", "TestSupport"]),
  ]
)

for target in package.targets where target.type == .test || target.name == "TestSupport" {
  target.swiftSettings = tests
}

// Coverage-guided fuzzing of everything that reads files: a build of its own (`make fuzz`), as libFuzzer brings the main
// function and the modules have its instrumentation.
if Context.environment["VTKIT_FUZZ_BUILD"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz", dependencies: ["VTCore", "VTCheckpoint", "VTConversion", "VTData"], path: "Fuzz",
      swiftSettings: [.unsafeFlags(["-parse-as-library"])]))
}
