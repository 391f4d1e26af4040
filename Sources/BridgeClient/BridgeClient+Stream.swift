import Bytes
import HTTPCodec

/// What is to become of a stream after a line.
public enum StreamStep: Sendable {
  /// The next line, please.
  case next
  /// Close it.
  case stop
}

/// How a stream ended that had begun.
public enum StreamEnd: Equatable, Sendable {
  /// The reader asked for it.
  case stopped
  /// The daemon ended it: it stops or restarts, or the channel was removed.
  case ended
  /// The connection was lost; why.
  case broken(String)
  /// Nothing came for as long as the reader is willing to wait, not even a keep-alive: the daemon is gone.
  case silent
  /// The reader's time is up.
  case timeIsUp
}

extension BridgeClient {
  /// The daemon sends something every 15 s: more than twice that is a peer that is gone.
  public static let idleLimit = Duration.seconds(40)

  /// Reads lines of a stream (`application/x-ndjson`) and calls `line` with each, blank ones included, which are
  /// keep-alives. `line` is not called from the loop: it may take its time, for which the daemon then waits, and may
  /// make other requests.
  ///
  /// - Parameters:
  ///   - path: of ``BridgePath``.
  ///   - lastEventID: the id of the last event seen, to go on after it.
  ///   - idleLimit: how long there may be nothing at all.
  ///   - duration: how long to read in all; nil without end.
  /// - Returns: how it ended; what has not been given to `line` by then is an incomplete line at most.
  /// - Throws: when there is no stream: not connected, or refused. And what `line` throws.
  public func stream(
    _ path: String, lastEventID: String? = nil, idleLimit: Duration = BridgeClient.idleLimit,
    for duration: Duration? = nil, _ line: ([UInt8]) throws(BridgeClientError) -> StreamStep
  ) throws(BridgeClientError) -> StreamEnd {
    var fields: HeaderFields = ["Accept": "application/x-ndjson"]
    if let lastEventID { fields.append("Last-Event-ID", lastEventID) }
    let (exchange, address) = try open("GET", path, fields: fields, body: nil)
    defer { exchange.close() }
    let deadline = duration.map { now + $0 }
    var splitter = LineSplitter()
    while true {
      if let head = exchange.head, head.status == 200 {
        for next in splitter.receive(exchange.takeBody()) {
          if try line(next) == .stop { return .stopped }
        }
      }
      switch exchange.end {
      case nil: break
      case .complete?:
        // Whole, but perhaps no stream at all.
        guard exchange.head?.status != 200 else { return .ended }
        _ = try answer(of: exchange, from: address)
        throw .foreign(address, "it answers with status \(exchange.head?.status ?? 0), where a stream was asked for")
      case .broken(let reason)?:
        guard exchange.head != nil else { throw .broken(address, reason) }
        return .broken(reason)
      case .unreadable(let reason)?: throw .foreign(address, reason)
      }
      guard splitter.pendingBytes < BridgeClient.answerBytesMax else {
        throw .foreign(address, "a line of the stream has more than \(BridgeClient.answerBytesMax) bytes")
      }
      let silence = exchange.lastArrival + idleLimit
      try turn(until: min(silence, deadline ?? silence))
      guard exchange.lastArrival + idleLimit > now else { return .silent }
      if let deadline, now >= deadline { return .timeIsUp }
    }
  }
}
