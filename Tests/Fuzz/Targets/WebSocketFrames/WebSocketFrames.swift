import Bytes
import FuzzSupport
import WebSocketCodec

/// Bytes from a peer: whole and in pieces they mean the same, and what a decoder written straight after RFC 6455 makes of
/// them; messages that were understood are written by the encoder and understood again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWebSocketFrames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = FuzzInput(start, count)
  let pieces = input.pieces
  for role in [WebSocketRole.client, .server] {
    for limit in [20, 1100, 1 << 16] {
      let whole = Conversation([input.bytes[...]], role: role, messageBytesMax: limit)
      let split = Conversation(pieces, role: role, messageBytesMax: limit)
      require(whole == split, "\(role), \(limit): whole \(whole), split \(split)")
      let expected = ReferenceDecoder.decode(input.bytes, isClient: role == .client, messageBytesMax: limit)
      require(whole == expected, "\(role), \(limit): \(whole), expected \(expected)")
      if limit == 1 << 16 { checkRoundTrip(whole, role, input.random) }
    }
  }
  return 0
}

/// What came of some bytes.
struct Conversation: Equatable {
  struct Received: Equatable {
    var event: WebSocketEvent
    var payload: [UInt8]
  }

  var received: [Received] = []
  var violation: WebSocketViolation?

  init() {}

  init(_ pieces: [ArraySlice<UInt8>], role: WebSocketRole, messageBytesMax: Int) {
    var decoder = WebSocketDecoder(role: role, messageBytesMax: messageBytesMax)
    var queue = ByteQueue()
    do throws(WebSocketViolation) {
      for piece in pieces {
        queue.append([UInt8](piece))
        while let event = try decoder.next(from: &queue) {
          let payload = decoder.withPayload(in: queue) { $0.withUnsafeBytes { [UInt8]($0) } }
          received.append(Received(event: event, payload: payload))
        }
      }
    } catch {
      violation = error
    }
  }
}

/// Writes what was received as its sender would, messages in fragments with control frames between them.
private func checkRoundTrip(_ conversation: Conversation, _ role: WebSocketRole, _ random: SplitMix64) {
  guard !conversation.received.isEmpty else { return }
  var random = random
  var queue = ByteQueue()
  var expected = Conversation()
  for item in conversation.received {
    let maskKey = role == .server ? UInt32.random(in: 0...(.max), using: &random) : nil
    switch item.event {
    case .text: append(.text, item.payload, maskKey, &random, &queue, &expected)
    case .binary: append(.binary, item.payload, maskKey, &random, &queue, &expected)
    case .ping: WebSocketEncoder.append(.ping, payload: item.payload.span, maskKey: maskKey, to: &queue)
    case .pong: WebSocketEncoder.append(.pong, payload: item.payload.span, maskKey: maskKey, to: &queue)
    case .close(let code):
      let reason = String(decoding: item.payload, as: UTF8.self)
      WebSocketEncoder.appendClose(code: code, reason: reason, maskKey: maskKey, to: &queue)
    case .tooLarge: return
    }
    expected.received.append(item)
  }
  let again = Conversation([queue.copy()[...]], role: role, messageBytesMax: 1 << 16)
  require(again == expected, "written and read: \(again), expected \(expected)")
}

private func append(
  _ opcode: WebSocketOpcode, _ payload: [UInt8], _ maskKey: UInt32?, _ random: inout SplitMix64,
  _ queue: inout ByteQueue, _ expected: inout Conversation
) {
  let cut = Int.random(in: 0...payload.count, using: &random)
  guard cut > 0 else { return WebSocketEncoder.append(opcode, payload: payload.span, maskKey: maskKey, to: &queue) }
  let (first, rest) = ([UInt8](payload[..<cut]), [UInt8](payload[cut...]))
  WebSocketEncoder.append(opcode, payload: first.span, maskKey: maskKey, isFinal: false, to: &queue)
  WebSocketEncoder.append(.ping, text: "?", maskKey: maskKey, to: &queue)
  expected.received.append(Conversation.Received(event: .ping, payload: [UInt8(ascii: "?")]))
  WebSocketEncoder.append(.continuation, payload: rest.span, maskKey: maskKey, to: &queue)
}
