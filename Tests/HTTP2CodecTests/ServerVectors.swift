import HTTP2Codec

/// What a client says after its preface and settings, and how it has to end.
struct ServerVector: Sendable, CustomStringConvertible {
  /// How it ends.
  enum End: Sendable, Equatable {
    /// The connection, with a GOAWAY.
    case goAway(ErrorCode)
    /// The stream, with a RST_STREAM; the connection lives.
    case reset(UInt32, ErrorCode)
    /// The stream, with an answer of this status; the connection lives.
    case answer(UInt32, String)
    /// Not at all: it is ignored, and the connection lives.
    case nothing
  }

  let clause: String
  let what: String
  let bytes: [UInt8]
  let end: End
  /// Whether `bytes` are all that is said, in place of the preface and what follows.
  var isRaw = false

  init(_ clause: String, _ what: String, _ end: End, isRaw: Bool = false, _ bytes: [UInt8]...) {
    self.clause = clause
    self.what = what
    self.end = end
    self.isRaw = isRaw
    self.bytes = bytes.flatMap { $0 }
  }

  var description: String { "\(clause): \(what)" }

  static let all =
    connection + frames + states + settings + windows + blocks + messages + fields + pseudoFields + limits

  /// The path of requests that are not answered, so that their streams stay open.
  static let unanswered = "/unanswered"

  private static func headers(_ fields: [(String, String)]) -> [UInt8] { Wire.headers(1, Wire.request(fields)) }

  private static func malformed(_ clause: String, _ what: String, _ block: [UInt8]) -> ServerVector {
    ServerVector(clause, what, .reset(1, .protocolError), Wire.headers(1, block))
  }

  static let connection = [
    ServerVector("§3.4", "another preface", .goAway(.protocolError), isRaw: true, Array("PRI * HTTP/2.1\r\n\r\n".utf8)),
    ServerVector(
      "§3.4", "a preface that goes wrong late", .goAway(.protocolError), isRaw: true,
      Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\rx".utf8)),
    ServerVector(
      "§3.4", "no SETTINGS at first", .goAway(.protocolError), isRaw: true, Wire.preface, Wire.ping),
    ServerVector(
      "§3.4", "HEADERS at first", .goAway(.protocolError), isRaw: true, Wire.preface, Wire.headers(1, Wire.get)),
    ServerVector(
      "§3.4", "an acknowledgement at first", .goAway(.protocolError), isRaw: true, Wire.preface, Wire.settingsACK),
    ServerVector("§6.5.3", "an acknowledgement of nothing", .goAway(.protocolError), Wire.settingsACK),
  ]

  static let frames = [
    ServerVector(
      "§4.1", "a frame of an unknown type", .nothing, Wire.frame(FrameType.unknown, flags: 0xFF, stream: 3, [1, 2, 3])),
    ServerVector(
      "§4.1", "undefined flags and the reserved bit", .answer(1, "200"),
      Wire.frame(FrameType.headers, flags: 0xC0 | Wire.endStream | Wire.endHeaders, stream: 1 << 31 | 1, Wire.get)),
    ServerVector(
      "§4.2", "DATA over SETTINGS_MAX_FRAME_SIZE", .goAway(.frameSize),
      Wire.headers(1, Wire.post, flags: Wire.endHeaders), Wire.data(1, [UInt8](repeating: 0, count: 16385))),
    ServerVector(
      "§4.2", "HEADERS over SETTINGS_MAX_FRAME_SIZE", .goAway(.frameSize),
      Wire.headers(1, [UInt8](repeating: 0, count: 16385))),
    ServerVector(
      "§4.2", "an unknown frame over SETTINGS_MAX_FRAME_SIZE", .goAway(.frameSize),
      Wire.frame(FrameType.unknown, [UInt8](repeating: 0, count: 16385))),
    ServerVector("§6.1", "DATA on stream 0", .goAway(.protocolError), Wire.data(0, [1])),
    ServerVector(
      "§6.1", "DATA with more padding than frame", .goAway(.protocolError),
      Wire.headers(1, Wire.post, flags: Wire.endHeaders), Wire.data(1, [3, 0, 0], flags: Wire.padded)),
    ServerVector(
      "§6.1", "DATA with padding", .answer(1, "200"),
      Wire.headers(1, Wire.post, flags: Wire.endHeaders),
      Wire.data(1, [2, 65, 0, 0], flags: Wire.padded | Wire.endStream)),
    ServerVector("§6.2", "HEADERS on stream 0", .goAway(.protocolError), Wire.headers(0, Wire.get)),
    ServerVector(
      "§6.2", "HEADERS with more padding than frame", .goAway(.protocolError),
      Wire.headers(1, [200] + Wire.get, flags: Wire.padded | Wire.endStream | Wire.endHeaders)),
    ServerVector(
      "§6.2", "HEADERS with padding and priority", .answer(1, "200"),
      Wire.headers(
        1, [2, 0, 0, 0, 0, 15] + Wire.get + [0, 0],
        flags: Wire.padded | Wire.priorityFlag | Wire.endStream | Wire.endHeaders)),
    ServerVector(
      "§6.2", "HEADERS with half a priority", .goAway(.frameSize),
      Wire.headers(1, [0, 0, 0], flags: Wire.priorityFlag | Wire.endStream | Wire.endHeaders)),
    ServerVector(
      "§6.3", "PRIORITY on an idle stream", .nothing, Wire.frame(FrameType.priority, stream: 5, [0, 0, 0, 0, 15])),
    ServerVector(
      "§6.3", "PRIORITY on stream 0", .goAway(.protocolError), Wire.frame(FrameType.priority, [0, 0, 0, 0, 15])),
    ServerVector(
      "§6.4", "RST_STREAM on stream 0", .goAway(.protocolError), Wire.reset(0)),
    ServerVector("§6.4", "RST_STREAM on an idle stream", .goAway(.protocolError), Wire.reset(1)),
    ServerVector(
      "§6.4", "RST_STREAM of 3 bytes", .goAway(.frameSize), Wire.headers(1, Wire.post, flags: Wire.endHeaders),
      Wire.frame(FrameType.resetStream, stream: 1, [0, 0, 8])),
    ServerVector(
      "§8.4", "PUSH_PROMISE", .goAway(.protocolError), Wire.headers(1, Wire.post, flags: Wire.endHeaders),
      Wire.frame(FrameType.pushPromise, flags: Wire.endHeaders, stream: 1, Wire.bytes(2) + Wire.get)),
    ServerVector(
      "§6.7", "PING on a stream", .goAway(.protocolError),
      Wire.frame(FrameType.ping, stream: 1, [1, 2, 3, 4, 5, 6, 7, 8])),
    ServerVector("§6.7", "PING of 7 bytes", .goAway(.frameSize), Wire.frame(FrameType.ping, [1, 2, 3, 4, 5, 6, 7])),
    ServerVector(
      "§6.7", "PING of 9 bytes", .goAway(.frameSize), Wire.frame(FrameType.ping, [1, 2, 3, 4, 5, 6, 7, 8, 9])),
    ServerVector(
      "§6.7", "an answer to no PING", .nothing, Wire.frame(FrameType.ping, flags: Wire.ack, [1, 2, 3, 4, 5, 6, 7, 8])),
    ServerVector(
      "§6.8", "GOAWAY on a stream", .goAway(.protocolError),
      Wire.frame(FrameType.goAway, stream: 1, Wire.bytes(0) + Wire.bytes(0))),
    ServerVector(
      "§6.8", "GOAWAY of 7 bytes", .goAway(.frameSize), Wire.frame(FrameType.goAway, [0, 0, 0, 0, 0, 0, 0])),
  ]

  static let states = [
    ServerVector("§5.1", "DATA on an idle stream", .goAway(.protocolError), Wire.data(1, [1])),
    ServerVector("§5.1", "WINDOW_UPDATE on an idle stream", .goAway(.protocolError), Wire.windowUpdate(1, 1)),
    ServerVector(
      "§5.1", "CONTINUATION on an idle stream", .goAway(.protocolError),
      Wire.frame(FrameType.continuation, flags: Wire.endHeaders, stream: 1, Wire.get)),
    ServerVector(
      "§5.1", "DATA after the end of the request", .goAway(.streamClosed),
      Wire.headers(1, Wire.request(path: unanswered)),
      Wire.data(1, [1])),
    ServerVector(
      "§5.1", "HEADERS after the end of the request", .goAway(.streamClosed),
      Wire.headers(1, Wire.request(path: unanswered)), Wire.headers(1, Wire.get)),
    ServerVector(
      "§5.1", "HEADERS after the end of the stream", .goAway(.streamClosed), Wire.headers(1, Wire.get),
      Wire.headers(1, Wire.get)),
    ServerVector(
      "§5.1", "RST_STREAM after the end of the stream", .nothing, Wire.headers(1, Wire.get), Wire.reset(1)),
    ServerVector(
      "§5.1", "WINDOW_UPDATE after the end of the stream", .nothing, Wire.headers(1, Wire.get), Wire.windowUpdate(1, 1)),
    ServerVector("§5.1.1", "a stream with an even number", .goAway(.protocolError), Wire.headers(2, Wire.get)),
    ServerVector(
      "§5.1.1", "a stream below the last one", .goAway(.protocolError), Wire.headers(5, Wire.get),
      Wire.headers(3, Wire.get)),
    ServerVector(
      "§5.5", "an unknown frame within a header block", .goAway(.protocolError),
      Wire.headers(1, Wire.get, flags: Wire.endStream), Wire.frame(FrameType.unknown)),
  ]

  static let settings = [
    ServerVector("§6.5", "SETTINGS on a stream", .goAway(.protocolError), Wire.frame(FrameType.settings, stream: 1)),
    ServerVector(
      "§6.5", "an acknowledgement with a setting", .goAway(.frameSize),
      Wire.frame(FrameType.settings, flags: Wire.ack, [0, 3, 0, 0, 0, 1])),
    ServerVector("§6.5", "SETTINGS of 5 bytes", .goAway(.frameSize), Wire.frame(FrameType.settings, [0, 3, 0, 0, 0])),
    ServerVector("§6.5.2", "ENABLE_PUSH of 2", .goAway(.protocolError), Wire.settings([(2, 2)])),
    ServerVector("§6.5.2", "INITIAL_WINDOW_SIZE of 2^31", .goAway(.flowControl), Wire.settings([(4, 1 << 31)])),
    ServerVector("§6.5.2", "MAX_FRAME_SIZE of 16383", .goAway(.protocolError), Wire.settings([(5, 16383)])),
    ServerVector("§6.5.2", "MAX_FRAME_SIZE of 2^24", .goAway(.protocolError), Wire.settings([(5, 1 << 24)])),
    ServerVector("§6.5.2", "an unknown setting", .nothing, Wire.settings([(0xFFEE, 7)])),
    ServerVector("RFC 9218 §2.1", "NO_RFC7540_PRIORITIES of 2", .goAway(.protocolError), Wire.settings([(9, 2)])),
  ]

  static let windows = [
    ServerVector(
      "§6.9", "WINDOW_UPDATE of 3 bytes", .goAway(.frameSize), Wire.frame(FrameType.windowUpdate, [0, 0, 1])),
    ServerVector("§6.9", "a step of 0 for the connection", .goAway(.protocolError), Wire.windowUpdate(0, 0)),
    // A stream error may be treated as one of the connection (§5.4.1).
    ServerVector(
      "§6.9", "a step of 0 for a stream", .goAway(.protocolError), Wire.headers(1, Wire.post, flags: Wire.endHeaders),
      Wire.windowUpdate(1, 0)),
    ServerVector(
      "§6.9.1", "the connection's window over 2^31-1", .goAway(.flowControl), Wire.windowUpdate(0, 0x7FFF_FFFF)),
    ServerVector(
      "§6.9.1", "a stream's window over 2^31-1", .reset(1, .flowControl),
      Wire.headers(1, Wire.post, flags: Wire.endHeaders), Wire.windowUpdate(1, 0x7FFF_FFFF)),
    ServerVector(
      "§6.9.2", "a stream's window over 2^31-1 by a setting", .goAway(.flowControl),
      Wire.headers(1, Wire.post, flags: Wire.endHeaders), Wire.windowUpdate(1, 0x7FFF_0000),
      Wire.settings([(4, 0x7FFF_FFFF)])),
  ]

  static let blocks = [
    ServerVector("§4.3", "an index of 0", .goAway(.compression), Wire.headers(1, [0x80])),
    ServerVector("§4.3", "an index beyond the table", .goAway(.compression), Wire.headers(1, [0xFE])),
    ServerVector("§4.3", "a block that ends in a field", .goAway(.compression), Wire.headers(1, [0x00, 5, 97])),
    ServerVector(
      "§4.3", "a table larger than allowed", .goAway(.compression), Wire.headers(1, [0x3F, 0xFF, 0xFF, 0x03])),
    ServerVector("§4.3", "a size of the table after a field", .goAway(.compression), Wire.headers(1, [0x82, 0x20])),
    ServerVector(
      "§4.3", "a malformed Huffman code", .goAway(.compression), Wire.headers(1, [0x00, 0x81, 0x00, 0x81, 0xFF])),
    ServerVector(
      "§6.10", "CONTINUATION without HEADERS", .goAway(.protocolError), Wire.headers(1, Wire.get),
      Wire.frame(FrameType.continuation, flags: Wire.endHeaders, stream: 1, Wire.get)),
    ServerVector(
      "§6.10", "CONTINUATION on stream 0", .goAway(.protocolError),
      Wire.headers(1, Wire.get, flags: Wire.endStream), Wire.frame(FrameType.continuation, Wire.get)),
    ServerVector(
      "§6.10", "CONTINUATION of another stream", .goAway(.protocolError),
      Wire.headers(1, Wire.get, flags: Wire.endStream), Wire.frame(FrameType.continuation, stream: 3, Wire.get)),
    ServerVector(
      "§6.10", "DATA within a header block", .goAway(.protocolError),
      Wire.headers(1, Wire.post, flags: 0), Wire.data(1, [1])),
    ServerVector(
      "§6.10", "HEADERS within a header block", .goAway(.protocolError),
      Wire.headers(1, Wire.get, flags: Wire.endStream), Wire.headers(3, Wire.get)),
    ServerVector(
      "§6.10", "PING within a header block", .goAway(.protocolError),
      Wire.headers(1, Wire.get, flags: Wire.endStream), Wire.ping),
    ServerVector(
      "§6.10", "a block in three frames", .answer(1, "200"),
      Wire.headers(1, Array(Wire.get.prefix(5)), flags: Wire.endStream),
      Wire.frame(FrameType.continuation, stream: 1),
      Wire.frame(FrameType.continuation, flags: Wire.endHeaders, stream: 1, Array(Wire.get.dropFirst(5)))),
  ]

  static let messages = [
    ServerVector(
      "§8.1", "a body and trailers", .answer(1, "200"), Wire.headers(1, Wire.post, flags: Wire.endHeaders),
      Wire.data(1, [65]), Wire.headers(1, Wire.field("checksum", "1"))),
    ServerVector(
      "§8.1", "trailers that do not end the stream", .reset(1, .protocolError),
      Wire.headers(1, Wire.post, flags: Wire.endHeaders), Wire.data(1, [65]),
      Wire.headers(1, Wire.field("checksum", "1"), flags: Wire.endHeaders)),
    ServerVector(
      "§8.1", "a pseudo-header field in trailers", .reset(1, .protocolError),
      Wire.headers(1, Wire.post, flags: Wire.endHeaders), Wire.data(1, [65]),
      Wire.headers(1, Wire.field(":path", "/"))),
    ServerVector(
      "§8.1.1", "less than Content-Length", .reset(1, .protocolError),
      Wire.headers(1, Wire.request(method: "POST", [("content-length", "3")]), flags: Wire.endHeaders),
      Wire.data(1, [65, 66], flags: Wire.endStream)),
    ServerVector(
      "§8.1.1", "more than Content-Length", .reset(1, .protocolError),
      Wire.headers(1, Wire.request(method: "POST", [("content-length", "1")]), flags: Wire.endHeaders),
      Wire.data(1, [65, 66], flags: Wire.endStream)),
    ServerVector(
      "§8.1.1", "Content-Length and no body", .reset(1, .protocolError),
      Wire.headers(1, Wire.request(method: "POST", [("content-length", "1")]))),
    malformed("§8.1.1", "a Content-Length that is no number", Wire.request([("content-length", "+1")])),
    malformed("§8.1.1", "two of Content-Length", Wire.request([("content-length", "0"), ("content-length", "0")])),
  ]

  static let fields = [
    malformed("§8.2.1", "a name in upper case", Wire.request([("Accept", "a")])),
    malformed("§8.2.1", "a name with a space", Wire.request([("a b", "c")])),
    malformed("§8.2.1", "a name with a colon", Wire.request([("a:b", "c")])),
    malformed("§8.2.1", "a name with a control character", Wire.get + Wire.field([97, 1], [98])),
    malformed("§8.2.1", "a name above ASCII", Wire.get + Wire.field([0xC3, 0xA9], [98])),
    malformed("§8.2.1", "a value with NUL", Wire.get + Wire.field([97], [98, 0, 99])),
    malformed("§8.2.1", "a value with CR", Wire.get + Wire.field([97], [98, 13, 99])),
    malformed("§8.2.1", "a value with LF", Wire.get + Wire.field([97], [98, 10, 99])),
    malformed("§8.2.1", "a value that begins with a space", Wire.request([("a", " b")])),
    malformed("§8.2.1", "a value that ends with a tab", Wire.request([("a", "b\t")])),
    malformed("§8.2.2", "Connection", Wire.request([("connection", "close")])),
    malformed("§8.2.2", "Keep-Alive", Wire.request([("keep-alive", "timeout=5")])),
    malformed("§8.2.2", "Proxy-Connection", Wire.request([("proxy-connection", "close")])),
    malformed("§8.2.2", "Transfer-Encoding", Wire.request([("transfer-encoding", "chunked")])),
    malformed("§8.2.2", "Upgrade", Wire.request([("upgrade", "websocket")])),
    malformed("§8.2.2", "TE other than trailers", Wire.request([("te", "gzip")])),
    ServerVector("§8.2.2", "TE of trailers", .answer(1, "200"), headers([("te", "trailers")])),
  ]

  static let pseudoFields = [
    malformed("§8.3", "an unknown pseudo-header field", Wire.field(":x", "y") + Wire.get),
    malformed("§8.3", "a pseudo-header field of responses", Wire.field(":status", "200") + Wire.get),
    malformed("§8.3", "a pseudo-header field after others", Wire.field("a", "b") + Wire.get),
    malformed("§8.3", ":method twice", Wire.field(":method", "GET") + Wire.get),
    malformed("§8.3", ":scheme twice", Wire.field(":scheme", "http") + Wire.get),
    malformed("§8.3", ":path twice", Wire.field(":path", "/") + Wire.get),
    malformed("§8.3", ":authority twice", Wire.field(":authority", "localhost") + Wire.get),
    malformed("§8.3.1", "no :method", Wire.request(method: nil)),
    malformed("§8.3.1", "no :scheme", Wire.request(scheme: nil)),
    malformed("§8.3.1", "no :path", Wire.request(path: nil)),
    malformed("§8.3.1", "an empty :path", Wire.request(path: "")),
    malformed("§8.3.1", "a :path without a slash", Wire.request(path: "a")),
    malformed("§8.3.1", "a URL for :path under another scheme", Wire.request(scheme: "ftp", path: "http://a/")),
    malformed("§8.3.1", "* for GET", Wire.request(path: "*")),
    ServerVector(
      "§8.3.1", "* for OPTIONS", .answer(1, "200"), Wire.headers(1, Wire.request(method: "OPTIONS", path: "*"))),
    malformed("§8.3.1", "a method that is no token", Wire.request(method: "G T")),
    malformed("§8.3.1", "neither :authority nor Host", Wire.request(authority: nil)),
    malformed("§8.3.1", "another Host than :authority", Wire.request([("host", "example.com")])),
    ServerVector("§8.3.1", "the same Host as :authority", .answer(1, "200"), headers([("host", "LOCALHOST")])),
    ServerVector(
      "§8.3.1", "Host alone", .answer(1, "200"), Wire.headers(1, Wire.request(authority: nil, [("host", "localhost")]))),
    ServerVector(
      "§8.3.1", "user information", .answer(1, "400"), Wire.headers(1, Wire.request(authority: "a@localhost"))),
    ServerVector(
      "§8.5", "CONNECT", .answer(1, "501"),
      Wire.headers(1, Wire.request(method: "CONNECT", scheme: nil, path: nil, authority: "a:1"))),
    malformed("§8.5", "CONNECT with :path", Wire.request(method: "CONNECT")),
    malformed(
      "RFC 8441 §4", ":protocol, which was not offered",
      Wire.request(method: "CONNECT") + Wire.field(":protocol", "websocket")),
  ]

  static let limits = [
    ServerVector(
      "§10.5.1", "a head over the limit", .answer(1, "431"),
      Wire.headers(1, Wire.request([("a", String(repeating: "b", count: 3000))]))),
    ServerVector(
      "§10.5.1", "a head far over the limit", .goAway(.enhanceYourCalm),
      Wire.headers(1, Wire.request([("a", String(repeating: "b", count: 16000))]))),
    ServerVector(
      "§10.5", "CONTINUATION without end", .goAway(.enhanceYourCalm), Wire.headers(1, Wire.get, flags: Wire.endStream),
      [[UInt8]](repeating: Wire.frame(FrameType.continuation, stream: 1, Wire.field("a", "b")), count: 9).flatMap { $0 }
    ),
    ServerVector(
      "§8.1", "a body over the limit", .answer(1, "413"),
      Wire.headers(1, Wire.post, flags: Wire.endHeaders), Wire.data(1, [UInt8](repeating: 65, count: 1001))),
    ServerVector(
      "§5.1.2", "one stream too many", .reset(9, .refusedStream),
      [1, 3, 5, 7, 9].flatMap { Wire.headers($0, Wire.post, flags: Wire.endHeaders) }),
    ServerVector(
      "§10.5", "33 settings in a frame", .goAway(.enhanceYourCalm),
      Wire.settings((0..<33).map { (0xFF00 + UInt16($0), 0) })),
  ]
}
