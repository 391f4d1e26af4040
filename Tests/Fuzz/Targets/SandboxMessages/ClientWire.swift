import Bytes
import WebSocketCodec

/// What a client's bytes mean to the owner of its socket.
struct ClientWire: ~Copyable {
  enum Act: Equatable {
    case text([UInt8])
    /// A ping, which is answered by the same.
    case ping([UInt8])
    /// A pong, or a binary message, which the protocol has no use for.
    case traffic
    case tooLarge
    /// A close frame or a fault, and what it is answered with.
    case end(code: UInt16?)
  }

  static let messageBytesMax = 2000

  private var decoder = WebSocketDecoder(role: .server, messageBytesMax: messageBytesMax)
  private var queue = ByteQueue()
  private var isOver = false

  mutating func receive(_ bytes: ArraySlice<UInt8>) -> [Act] {
    guard !isOver else { return [] }
    queue.append([UInt8](bytes))
    var acts: [Act] = []
    do throws(WebSocketViolation) {
      while let event = try decoder.next(from: &queue) {
        let payload = decoder.withPayload(in: queue) { $0.withUnsafeBytes { [UInt8]($0) } }
        switch event {
        case .text: acts.append(.text(payload))
        case .ping: acts.append(.ping(payload))
        case .pong, .binary: acts.append(.traffic)
        case .tooLarge: acts.append(.tooLarge)
        case .close(let code):
          isOver = true
          return acts + [.end(code: code)]
        }
      }
    } catch {
      isOver = true
      acts.append(.end(code: error.closeCode))
    }
    return acts
  }

  /// Each line of `text` as a message, some of them in fragments with a ping between.
  static func frames(of text: [UInt8], _ random: SplitMix64) -> [UInt8] {
    var random = random
    var queue = ByteQueue()
    for line in text.split(separator: 0x0A) {
      let mask = UInt32.random(in: 0...(.max), using: &random)
      guard line.count > 1, Int.random(in: 0..<4, using: &random) == 0 else {
        WebSocketEncoder.append(.text, payload: [UInt8](line).span, maskKey: mask, to: &queue)
        continue
      }
      let cut = line.startIndex + Int.random(in: 1..<line.count, using: &random)
      let (first, rest) = ([UInt8](line[..<cut]), [UInt8](line[cut...]))
      WebSocketEncoder.append(.text, payload: first.span, maskKey: mask, isFinal: false, to: &queue)
      WebSocketEncoder.append(.ping, text: "?", maskKey: mask, to: &queue)
      WebSocketEncoder.append(.continuation, payload: rest.span, maskKey: mask, to: &queue)
    }
    return queue.copy()
  }
}
