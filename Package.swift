// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: Swift 6 language mode, explicit existentials, imports that say who re-exports what, and no
/// warning left standing.
let ours: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// How the daemon is linked: relocations packed, nothing exported that nobody will look up, and what runs side by side,
/// so that it lies on few pages. 3 MB less in memory.
let compact = LinkerSetting.unsafeFlags(
  [
    "-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs", "-Xlinker", "--no-export-dynamic",
    "-Xlinker", "--symbol-ordering-file=\(Context.packageDirectory)/Sources/apinatord/link-order.txt",
    "-Xlinker", "--no-warn-symbol-ordering",
  ],
  .when(platforms: [.linux], configuration: .release))

func swift(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: ours)
}

func example(_ name: String) -> Target {
  .executableTarget(
    name: name, dependencies: ["ApinatorSDK"], path: "Sources/Examples/\(name)", swiftSettings: ours)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: ours)
}

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "apinatord",
  products: [
    .executable(name: "apinatord", targets: ["apinatord"]),
    .library(name: "ApinatorSDK", targets: ["ApinatorSDK"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    // C modules: no logic.
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    .target(name: "CShim"),
    .target(name: "CTOML"),  // toml++ is a C++ header library (Debian: libtomlplusplus-dev)

    // Pure: bytes and `now` in, bytes and actions out.
    swift("Bytes"),
    swift("JSONCodec", ["Bytes"]),
    swift("HTTPCodec", ["Bytes"]),
    swift("WebSocketCodec", ["Bytes"]),
    swift("EventStreamCodec", ["Bytes", "JSONCodec"]),
    swift("ChannelLog", ["Bytes", "EventStreamCodec", "JSONCodec"]),
    swift("ApinatorProtocol", ["Bytes", "JSONCodec"]),

    // Pure over C.
    swift("CryptoPrimitives", ["COpenSSL"]),
    swift("TLSEngine", ["Bytes", "COpenSSL", "CShim"]),
    swift("HTTP2Codec", ["Bytes", "CNghttp2", "HTTPCodec"]),

    // I/O: the only place with system calls.
    swift("Reactor", ["Bytes", "CShim"]),
    swift("Transport", ["Bytes", "CShim", "Reactor", "TLSEngine"]),
    swift("Systemd", ["CShim", "CSystemd"]),
    swift("WebSocketTransport", ["Bytes", "CryptoPrimitives", "Transport", "WebSocketCodec"]),

    // Assembly.
    swift("HTTPServer", ["Bytes", "HTTP2Codec", "HTTPCodec", "JSONCodec", "Reactor", "TLSEngine", "Transport"]),
    swift(
      "ApinatorClient",
      [
        "ApinatorProtocol", "Bytes", "CryptoPrimitives", "HTTP2Codec", "HTTPCodec", "JSONCodec", "Reactor", "TLSEngine",
        "Transport", "WebSocketCodec", "WebSocketTransport",
      ]),
    swift("BridgeConfig", ["Bytes", "CTOML", "CryptoPrimitives", "JSONCodec", "TLSEngine", "Transport"]),
    swift(
      "Bridge",
      [
        "ApinatorClient", "ApinatorProtocol", "BridgeConfig", "Bytes", "ChannelLog", "CryptoPrimitives",
        "EventStreamCodec",
        "HTTPCodec", "HTTPServer", "JSONCodec", "Reactor", "TLSEngine", "Transport", log,
      ]),
    swift(
      "Sandbox",
      [
        "Bytes", "CryptoPrimitives", "HTTPCodec", "HTTPServer", "JSONCodec", "Reactor", "TLSEngine", "Transport",
        "WebSocketCodec", "WebSocketTransport", log,
      ]),

    swift("BridgeClient", ["BridgeConfig", "Bytes", "HTTPCodec", "JSONCodec", "Reactor", "TLSEngine", "Transport"]),
    swift(
      "Doctor",
      [
        "ApinatorClient", "ApinatorProtocol", "BridgeClient", "BridgeConfig", "Bytes", "HTTPCodec", "JSONCodec",
        "Reactor", "TLSEngine", "Transport", "WebSocketCodec", "WebSocketTransport",
      ]),

    swift(
      "ApinatorSDK",
      [
        "ApinatorClient", "ApinatorProtocol", "Bytes", "CShim", "HTTPCodec", "JSONCodec", "Reactor", "TLSEngine",
        "Transport",
      ]),

    // Executables.
    .executableTarget(
      name: "apinatord",
      dependencies: [
        "Bridge", "BridgeClient", "BridgeConfig", "Bytes", "CNghttp2", "COpenSSL", "Doctor", "EventStreamCodec",
        "HTTPCodec", "JSONCodec", "Reactor", "Sandbox", "Systemd", "TLSEngine", "Transport",
        argumentParser, log,
      ],
      exclude: ["link-order.txt"], swiftSettings: ours, linkerSettings: [compact]),

    // What a WebSocket conformance suite talks to; see Tests/Autobahn.
    .executableTarget(
      name: "AutobahnClient",
      dependencies: [
        "ApinatorClient", "HTTPCodec", "Reactor", "TLSEngine", "Transport", "WebSocketCodec", "WebSocketTransport",
      ],
      path: "Tests/Autobahn/Client", swiftSettings: ours),

    // The whole daemon against simulated networks, clocks and machines; see Tests/long/simulate.
    .executableTarget(
      name: "BridgeSimulation",
      dependencies: [
        "Bridge", "BridgeConfig", "Bytes", "CryptoPrimitives", "Reactor", "Transport", "WebSocketCodec", log,
      ],
      path: "Tests/SimulationTests", swiftSettings: ours),

    example("GettingStarted"), example("ConnectionStates"), example("Presence"), example("ErrorHandling"),

    tests("ArchitectureTests", []),
    tests("BytesTests", ["Bytes"]),
    tests("JSONCodecTests", ["Bytes", "JSONCodec"]),
    tests("HTTPCodecTests", ["Bytes", "HTTPCodec"]),
    tests("WebSocketCodecTests", ["Bytes", "CryptoPrimitives", "WebSocketCodec"]),
    tests("EventStreamCodecTests", ["Bytes", "EventStreamCodec", "JSONCodec"]),
    tests("ChannelLogTests", ["Bytes", "ChannelLog", "EventStreamCodec", "JSONCodec"]),
    tests("ApinatorProtocolTests", ["ApinatorProtocol", "Bytes", "JSONCodec"]),
    tests("CryptoPrimitivesTests", ["Bytes", "CryptoPrimitives"]),
    tests("TLSEngineTests", ["Bytes", "TLSEngine"]),
    tests("HTTP2CodecTests", ["Bytes", "CNghttp2", "HTTP2Codec", "HTTPCodec"]),
    tests("ReactorTests", ["Bytes", "Reactor"]),
    tests("TransportTests", ["Bytes", "Reactor", "TLSEngine", "Transport"]),
    tests(
      "ApinatorSDKTests",
      [
        "ApinatorClient", "ApinatorProtocol", "ApinatorSDK", "Bytes", "CryptoPrimitives", "HTTPCodec", "HTTPServer",
        "JSONCodec",
        "Reactor", "Sandbox", "TLSEngine", "Transport",
      ]),
    tests("HTTPServerTests", ["HTTPCodec", "HTTPServer", "Reactor", "Transport"]),
    tests("SystemdTests", ["Systemd"]),
    tests("apinatordTests", ["apinatord", "BridgeClient", "Bytes", "JSONCodec", "Sandbox", "Systemd", log]),
    tests(
      "BridgeClientTests",
      ["apinatord", "BridgeClient", "BridgeConfig", "Bytes", "HTTPCodec", "JSONCodec", "Reactor", "Transport"]),
    tests(
      "DoctorTests",
      [
        "ApinatorClient", "ApinatorProtocol", "BridgeConfig", "Bytes", "Doctor", "HTTPCodec", "JSONCodec", "Reactor",
        "TLSEngine", "Transport", "WebSocketCodec",
      ]),
    tests("BridgeTests", ["Bridge", "HTTPCodec", "JSONCodec"]),
    tests("BridgeConfigTests", ["BridgeConfig", "Bytes"]),
    tests("SandboxTests", ["Bytes", "HTTPCodec", "JSONCodec", "Sandbox"]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
