import ApinatorProtocol

/// What a server says, or does not say, to the key.
enum KeyVerdict {
  /// - Parameter appKey: public, as it is part of every URL.
  static func of(_ error: ConnectionError?, appKey: String, _ destination: Destination) -> Verdict {
    guard let error else {
      return .failed(
        .notEstablished, "the connection ended before the server accepted the key",
        fix: "try again, and look at the server's log")
    }
    let said = "\(Wording.quote(error.text))\(error.code.map { ", code \($0)" } ?? "")"
    switch (error.code, ErrorDisposition(code: error.code)) {
    case (4001, _):
      return .failed(
        .keyUnknown, "the server does not know the key \(appKey) (\(said))",
        fix: "copy app_key again from the app's page, and check that \(destination.setting) is where that app lives")
    case (_, .fatal):
      return .failed(
        .keyRefused, "the server does not let the app in (\(said))", fix: "look at the app's page: is it enabled?")
    case (_, .backoff), (_, .immediately):
      return .failed(.serverBusy, "the server asks to come back later (\(said))", fix: "wait a little and try again")
    case (_, .none):
      return .failed(
        .notEstablished, "the connection ended before the server accepted the key (\(said))",
        fix: "check that an Apinator server answers at \(destination.setting)")
    }
  }

  static func timedOut(_ limit: Duration, _ destination: Destination) -> Verdict {
    .failed(
      .keyTimeout,
      "the WebSocket is open, and no realtime:connection_established came within \(Wording.duration(limit))",
      fix: "check that an Apinator server answers at \(destination.setting)")
  }
}
