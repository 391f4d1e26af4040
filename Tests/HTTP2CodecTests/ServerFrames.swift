import Bytes
import HTTP2Codec

/// The error codes of RFC 9113 §7.
enum ErrorCode: UInt32 {
  case noError, protocolError, internalError, flowControl, settingsTimeout, streamClosed, frameSize, refusedStream
  case cancel, compression, connect, enhanceYourCalm, inadequateSecurity, http11Required
}

/// The frame types of RFC 9113 §6.
enum FrameType {
  static let data: UInt8 = 0
  static let headers: UInt8 = 1
  static let priority: UInt8 = 2
  static let resetStream: UInt8 = 3
  static let settings: UInt8 = 4
  static let pushPromise: UInt8 = 5
  static let ping: UInt8 = 6
  static let goAway: UInt8 = 7
  static let windowUpdate: UInt8 = 8
  static let continuation: UInt8 = 9
  static let unknown: UInt8 = 0xEE
}

/// Frames byte by byte, so that wrong ones can be made as well.
enum Wire {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  static let endStream: UInt8 = 0x1
  static let ack: UInt8 = 0x1
  static let endHeaders: UInt8 = 0x4
  static let padded: UInt8 = 0x8
  static let priorityFlag: UInt8 = 0x20

  static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    Array(bytes(UInt32(payload.count))[1...]) + [type, flags] + bytes(stream) + payload
  }

  static func bytes(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

  static func settings(_ entries: [(id: UInt16, value: UInt32)] = []) -> [UInt8] {
    frame(FrameType.settings, entries.flatMap { Array(bytes(UInt32($0.id))[2...]) + bytes($0.value) })
  }

  static let settingsACK = frame(FrameType.settings, flags: ack)

  static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
    frame(FrameType.windowUpdate, stream: stream, bytes(increment))
  }

  static func reset(_ stream: UInt32, _ code: ErrorCode = .cancel) -> [UInt8] {
    frame(FrameType.resetStream, stream: stream, bytes(code.rawValue))
  }

  static let ping = frame(FrameType.ping, Array("12345678".utf8))

  static func data(_ stream: UInt32, _ payload: [UInt8], flags: UInt8 = 0) -> [UInt8] {
    frame(FrameType.data, flags: flags, stream: stream, payload)
  }

  static func headers(_ stream: UInt32, _ block: [UInt8], flags: UInt8 = endStream | endHeaders) -> [UInt8] {
    frame(FrameType.headers, flags: flags, stream: stream, block)
  }

  /// A literal field without indexing (RFC 7541 §6.2.2), without Huffman coding.
  static func field(_ name: String, _ value: String) -> [UInt8] {
    field(Array(name.utf8), Array(value.utf8))
  }

  static func field(_ name: [UInt8], _ value: [UInt8]) -> [UInt8] {
    [0] + integer(name.count) + name + integer(value.count) + value
  }

  /// RFC 7541 §5.1, with a prefix of 7 bits.
  private static func integer(_ value: Int) -> [UInt8] {
    guard value >= 127 else { return [UInt8(value)] }
    var bytes: [UInt8] = [127]
    var rest = value - 127
    while rest >= 128 {
      bytes.append(UInt8(rest % 128 + 128))
      rest /= 128
    }
    return bytes + [UInt8(rest)]
  }

  static func request(
    method: String? = "GET", scheme: String? = "http", path: String? = "/", authority: String? = "localhost",
    _ fields: [(String, String)] = []
  ) -> [UInt8] {
    var block: [UInt8] = []
    for (name, value) in [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority)] {
      if let value { block += field(name, value) }
    }
    return block + fields.flatMap { field($0.0, $0.1) }
  }

  static let get = request()
  static let post = request(method: "POST")
}
