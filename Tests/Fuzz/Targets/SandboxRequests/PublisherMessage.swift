import Bytes
import FuzzSupport
import HTTPCodec
import Sandbox

/// A request as an input spells it: an HTTP message with LF for CRLF, and without version, Host and Content-Length, which
/// would be wrong after most mutations.
///
///     POST /apps/sandbox/events
///     X-More: 1
///
///     {"name":…}
struct PublisherMessage {
  /// As it goes over the wire.
  let wire: [UInt8]

  init(_ bytes: [UInt8]) {
    var rest = bytes[...]
    func nextLine() -> ArraySlice<UInt8> {
      let line = rest.prefix { $0 != 0x0A }
      rest = rest.dropFirst(line.count + 1)
      return line
    }
    var head = [UInt8](nextLine()) + Array(" HTTP/1.1\r\nHost: localhost\r\n".utf8)
    while !rest.isEmpty {
      let line = nextLine()
      if line.isEmpty { break }
      head += line + [0x0D, 0x0A]
    }
    wire = head + Array("Content-Length: \(rest.count)\r\n\r\n".utf8) + rest
  }

  /// The request that the server's decoder makes of it, the same whole and in pieces; nil when it makes none.
  func decoded() -> SandboxRequest? {
    let whole = Decoding([wire[...]])
    let pieces = wire.withUnsafeBufferPointer { FuzzInput($0.baseAddress, $0.count).pieces }
    let split = Decoding(pieces)
    require(whole == split, "whole \(whole), split \(split)")
    guard whole.events.count >= 2, case .head(let head) = whole.events[0], case .complete(let body) = whole.events[1]
    else { return nil }
    return SandboxRequest(method: head.method, target: head.target, headers: head.headers, body: body)
  }
}

/// What the server's decoder makes of the bytes of a connection.
private struct Decoding: Equatable {
  var events: [RequestEvent] = []
  var violation: RequestViolation?

  init(_ pieces: [ArraySlice<UInt8>]) {
    var decoder = RequestDecoder(limits: RequestLimits())
    var queue = ByteQueue()
    do throws(RequestViolation) {
      for piece in pieces {
        queue.append([UInt8](piece))
        while let event = try decoder.next(from: &queue) { events.append(event) }
      }
    } catch {
      violation = error
    }
  }
}
