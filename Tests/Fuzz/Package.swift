// swift-tools-version: 6.2
import PackageDescription

/// The same settings as in the package of the daemon, whose sources are built here with coverage and AddressSanitizer:
/// a package of its own, so that the daemon's does not get slower for it. Built, linked and run by `Tests/Fuzz/run`.
let ours: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func swift(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/\(name)", exclude: exclude, swiftSettings: ours)
}

/// What is fuzzed: a folder of `Targets` with one `LLVMFuzzerTestOneInput`, and the modules that it calls.
let fuzzed: [(name: String, dependencies: [Target.Dependency])] = [
  ("WebSocketFrames", ["WebSocketCodec"]),
  ("WebSocketHandshake", ["CryptoPrimitives", "HTTPCodec", "WebSocketCodec"]),
  ("HTTPRequest", ["HTTPCodec"]),
  ("HTTPResponse", ["HTTPCodec"]),
  ("JSON", ["ApinatorProtocol", "JSONCodec"]),
  ("HTTP2Server", ["HTTP2Codec", "HTTPCodec"]),
  ("HTTP2Client", ["HTTP2Codec", "HTTPCodec"]),
  ("EventStream", ["EventStreamCodec", "JSONCodec"]),
  ("Configuration", ["BridgeConfig", "JSONCodec"]),
  ("Targets", ["HTTPCodec"]),
  ("EventIDs", ["EventStreamCodec"]),
  ("HandoverFile", ["ChannelLog", "EventStreamCodec"]),
  ("Session", ["ApinatorProtocol", "JSONCodec"]),
  ("EventLog", ["ChannelLog", "EventStreamCodec"]),
  ("SandboxRequests", ["HTTPCodec", "JSONCodec", "Sandbox"]),
  ("SandboxMessages", ["JSONCodec", "Sandbox", "WebSocketCodec"]),
  // With what writes recordings, linked into its folder from the executable's.
  ("Recordings", ["EventStreamCodec", "JSONCodec", "Sandbox"]),
]

let package = Package(
  name: "Fuzz",
  products: fuzzed.map { .library(name: "Fuzz\($0.name)", type: .static, targets: ["Fuzz\($0.name)"]) },
  targets: [
    .systemLibrary(name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "openssl"),
    .systemLibrary(name: "CNghttp2", path: "Sources/CNghttp2", pkgConfig: "libnghttp2"),
    .target(name: "CTOML", path: "Sources/CTOML"),
    .target(name: "CShim", path: "Sources/CShim"),
    swift("Bytes"),
    swift("JSONCodec", ["Bytes"]),
    swift("HTTPCodec", ["Bytes"]),
    swift("WebSocketCodec", ["Bytes"]),
    swift("EventStreamCodec", ["Bytes", "JSONCodec"]),
    swift("ChannelLog", ["Bytes", "EventStreamCodec", "JSONCodec"]),
    swift("ApinatorProtocol", ["Bytes", "JSONCodec"]),
    swift("CryptoPrimitives", ["COpenSSL"]),
    swift("HTTP2Codec", ["Bytes", "CNghttp2", "HTTPCodec"]),
    swift("TLSEngine", ["Bytes", "COpenSSL", "CShim"]),
    swift("Reactor", ["Bytes", "CShim"]),
    swift("Transport", ["Bytes", "CShim", "Reactor", "TLSEngine"]),
    swift("BridgeConfig", ["Bytes", "CTOML", "CryptoPrimitives", "JSONCodec", "TLSEngine", "Transport"]),
    // Without its sockets.
    swift("Sandbox", ["Bytes", "CryptoPrimitives", "HTTPCodec", "JSONCodec"], exclude: ["SandboxServer.swift"]),
    .target(name: "FuzzSupport", dependencies: ["Bytes"], path: "Support", swiftSettings: ours),
  ]
    + fuzzed.map {
      .target(
        name: "Fuzz\($0.name)", dependencies: ["Bytes", "FuzzSupport"] + $0.dependencies, path: "Targets/\($0.name)",
        swiftSettings: ours)
    },
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
