import Foundation

/// The layers of the project, from the lowest up: an arrow only ever points down.
enum Layer: Int, Comparable, CaseIterable {
  case cModules
  case pure
  case pureOverC
  case io
  case assembly
  case executable

  static func < (left: Layer, right: Layer) -> Bool { left.rawValue < right.rawValue }

  /// Which targets belong to the layer. Within one layer, a target may only import those named before it.
  var targets: [String] {
    switch self {
    case .cModules: ["COpenSSL", "CNghttp2", "CSystemd", "CShim", "CTOML"]
    case .pure:
      ["Bytes", "JSONCodec", "HTTPCodec", "WebSocketCodec", "EventStreamCodec", "ChannelLog", "ApinatorProtocol"]
    case .pureOverC: ["CryptoPrimitives", "TLSEngine", "HTTP2Codec"]
    case .io: ["Reactor", "Systemd", "Transport"]
    case .assembly:
      [
        "WebSocketTransport", "HTTPServer", "ApinatorClient", "BridgeConfig", "BridgeClient", "Doctor", "Bridge",
        "Sandbox", "ApinatorSDK",
      ]
    case .executable: ["apinatord"]
    }
  }

  /// What of the system and of other packages the layer's targets may import.
  var foreign: Set<String> {
    switch self {
    case .cModules: []
    // No Glibc, no Foundation, no clock, no sockets.
    case .pure: []
    case .pureOverC: []
    case .io: ["Glibc", "Synchronization"]
    case .assembly: ["Glibc", "Synchronization", "Logging"]
    case .executable: ["Glibc", "Synchronization", "Logging", "ArgumentParser"]
    }
  }

  /// Assembly wires; only what reads files on its own account may call the system: Doctor reads /proc, for the names of
  /// the programs that have a port.
  static let assemblyWithSystemCalls: Set<String> = ["BridgeConfig", "Doctor", "ApinatorSDK"]
}

/// One import that the rules do not allow.
struct Offence: CustomStringConvertible {
  let file: String
  let target: String
  let module: String
  let reason: String

  var description: String { "\(file): \(target) may not import \(module): \(reason)" }
}

/// The rules, applied to the text of a file.
enum ImportRules {
  static let order: [String] = Layer.allCases.flatMap(\.targets)

  static func layer(of target: String) -> Layer? { Layer.allCases.first { $0.targets.contains(target) } }

  /// The modules that a source imports.
  static func imports(in source: String) -> [String] {
    source.split(separator: "\n").compactMap { line in
      var words = line.split(separator: " ").map(String.init)[...]
      while let word = words.first,
        ["public", "package", "internal", "fileprivate", "private"].contains(word) || word.hasPrefix("@")
      {
        words = words.dropFirst()
      }
      guard words.first == "import", words.count > 1 else { return nil }
      words = words.dropFirst()
      if let kind = words.first,
        ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"].contains(kind)
      {
        words = words.dropFirst()
      }
      return words.first.map { String($0.prefix { $0 != "." }) }
    }
  }

  static func offences(file: String, target: String, source: String) -> [Offence] {
    guard let own = layer(of: target), let place = order.firstIndex(of: target) else {
      return [
        Offence(file: file, target: target, module: "-", reason: "the target is in no layer; add it to the table")
      ]
    }
    return imports(in: source).compactMap { module in
      func offence(_ reason: String) -> Offence { Offence(file: file, target: target, module: module, reason: reason) }
      if module == target { return nil }
      if let other = order.firstIndex(of: module) {
        guard other < place else { return offence("an arrow only points down") }
        if own == .pure, layer(of: module) == .cModules { return offence("a pure target has no C under it") }
        return nil
      }
      if module == "Glibc", own == .assembly, !Layer.assemblyWithSystemCalls.contains(target) {
        return offence("system calls belong to the I/O layer")
      }
      return own.foreign.contains(module) ? nil : offence("this layer imports nothing of that kind")
    }
  }
}
