import FuzzSupport
import HTTP2Codec
import HTTPCodec

/// What is known of one stream.
struct ServerStream {
  private enum Request { case opened, head, over }

  private var request = Request.opened
  private(set) var isOpen = true
  var isAnswered = false
  var isEnding = false
  /// What the client's DATA carried; nil when that is not known.
  var sentBody: [UInt8]? = []
  /// What the application gave, of which `sent` bytes have gone out.
  var given: [UInt8] = []
  private var sent = 0
  private var hasEnded = false

  mutating func take(_ head: RequestHead) {
    require(request == .opened && isOpen, "a second head")
    request = .head
    require(!head.method.isEmpty && head.version == .http2, "\(head)")
    require(head.target.hasPrefix("/") || head.target == "*", "the target is \(head.target)")
    require(head.headers.allSatisfy { ResponseHead.isValue($0.value) }, "\(head.headers)")
  }

  mutating func take(_ body: [UInt8]) {
    require(request == .head && isOpen, "a body out of place")
    request = .over
    require(body.count <= ServerStory.limits.bodyBytesMax, "a body of \(body.count) bytes")
    if let sentBody { require(body == sentBody, "the body is \(shown(body)), sent was \(shown(sentBody))") }
  }

  mutating func refuse(_ violation: RequestViolation) {
    require(request != .over && isOpen, "refused after it was whole")
    request = .over
    require((400...599).contains(violation.status), "\(violation)")
  }

  mutating func close() {
    require(isOpen, "closed twice")
    isOpen = false
  }

  /// DATA of ours carries what was given, in order, and ends when that was the end.
  mutating func check(sent frame: HTTP2Frame) {
    require(!hasEnded, "DATA after the end")
    require(frame.flags & 8 == 0, "padding that we never send")
    let end = sent + frame.payload.count
    require(
      end <= given.count && given[sent..<end].elementsEqual(frame.payload), "DATA of \(frame.payload.count) bytes")
    sent = end
    guard frame.flags & HTTP2Frame.endStream != 0 else { return }
    hasEnded = true
    require(isEnding && sent == given.count, "ended after \(sent) of \(given.count) bytes")
  }
}
