import ArgumentParser
import BridgeClient
import JSONCodec

extension CompletionKind {
  /// The channels that the running daemon knows; quickly none when there is no daemon.
  static var channels: CompletionKind {
    .custom { words, _, prefix in
      let given = ["--url", "--app", "--ca-file"].flatMap { name in value(of: name, in: words).map { [name, $0] } ?? []
      }
      guard let options = try? ClientOptions.parse(given), let client = try? options.quickClient() else { return [] }
      let path = BridgePath.of("channels", app: options.app, query: [(name: "prefix", value: prefix)])
      let answer = try? client.request("GET", path, timeout: .seconds(1)).json()
      let names = (answer?["channels"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
      return names.filter(isSafe)
    }
  }

  /// What is offered goes into a shell, and bash carries out a `$(…)` in it at once. Whoever answers may be anybody: only
  /// what channels are made of (HTTP contract, section 2), less the semicolon, which ends a command.
  private static func isSafe(_ name: String) -> Bool {
    name.unicodeScalars.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
        || "_-=@,.".unicodeScalars.contains($0)
    }
  }

  private static func value(of option: String, in words: [String]) -> String? {
    words.firstIndex(of: option).flatMap { words.indices.contains($0 + 1) ? words[$0 + 1] : nil }
  }
}
