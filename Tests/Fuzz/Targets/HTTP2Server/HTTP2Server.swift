import Bytes
import FuzzSupport
import HTTP2Codec
import HTTPCodec

/// A connection to our server: bytes as they are, whole and in pieces, or instructions that make frames of a client and
/// answers of ours. Nothing traps, what the application is told is in order, and DATA carries what was given, once.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP2Server(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count)
  if input.bytes.starts(with: Array("PRI".utf8)) {
    let whole = rawEvents([input.bytes[...]])
    let split = rawEvents(input.pieces)
    // A connection that ends for a mistake may have heard more of what came with it.
    if !whole.isViolated, !split.isViolated {
      require(whole.events == split.events, "whole \(whole.events), split \(split.events)")
    } else {
      require(whole.isViolated == split.isViolated, "whole \(whole), split \(split)")
    }
    return 0
  }
  let story = ServerStory()
  for _ in 0..<300 where !input.isAtEnd && !story.session.isFinished { story.step(&input) }
  story.end()
  return 0
}

private func rawEvents(_ pieces: [ArraySlice<UInt8>]) -> (events: [HTTP2ServerEvent], isViolated: Bool) {
  let session = HTTP2ServerSession(limits: ServerStory.limits)
  var events: [HTTP2ServerEvent] = []
  for piece in pieces {
    [UInt8](piece).withUnsafeBytes { session.receive($0, now: Instant(nanoseconds: 1)) }
    session.takeOutput { $0.removeAll() }
    while let event = session.nextEvent() { events.append(event) }
  }
  return (events, session.violation != nil)
}
