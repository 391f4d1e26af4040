import Bytes
import Testing
import WebSocketCodec

@Suite struct EncoderTests {
  @Test(arguments: [0, 1, 7, 8, 9, 15, 125, 126, 127, 65535, 65536])
  func writesTheShortestLength(count: Int) {
    let payload = (0..<count).map { UInt8($0 % 253) }
    let plain = encoded { WebSocketEncoder.append(.binary, payload: payload.span, maskKey: nil, to: &$0) }
    #expect(plain == frame(0x82, payload))
    let masked = encoded { WebSocketEncoder.append(.text, payload: payload.span, maskKey: 0x37FA_213D, to: &$0) }
    #expect(masked == frame(0x81, payload, mask: [0x37, 0xFA, 0x21, 0x3D]))
  }

  @Test func controlFrames() {
    #expect(encoded { WebSocketEncoder.append(.ping, text: "hi", maskKey: nil, to: &$0) } == [0x89, 2, 0x68, 0x69])
    #expect(encoded { WebSocketEncoder.append(.pong, text: "", maskKey: 0, to: &$0) } == [0x8A, 0x80, 0, 0, 0, 0])
    #expect(
      encoded { WebSocketEncoder.appendClose(code: nil, reason: "not sent", maskKey: nil, to: &$0) } == [0x88, 0])
    #expect(
      encoded { WebSocketEncoder.appendClose(code: 1000, reason: "ok", maskKey: nil, to: &$0) }
        == [0x88, 4, 0x03, 0xE8, 0x6F, 0x6B])
  }

  @Test(arguments: ["a", "é", "€", "😀", "ab😀"])
  func reasonsAreCutBetweenCharacters(unit: String) {
    for shift in 0..<4 {
      let reason = String(repeating: "x", count: shift) + String(repeating: unit, count: 130)
      let bytes = encoded { WebSocketEncoder.appendClose(code: 4000, reason: reason, maskKey: nil, to: &$0) }
      let outcome = decode(bytes)
      #expect(outcome.received.first?.event == .close(code: 4000))
      let kept = outcome.received.first?.payload ?? []
      #expect(kept.count <= 123 && kept.count > 119)
      #expect([UInt8](reason.utf8).starts(with: kept))
    }
  }

  @Test func framesAreAppended() {
    let bytes = encoded {
      WebSocketEncoder.append(.text, text: "a", maskKey: nil, isFinal: false, to: &$0)
      WebSocketEncoder.append(.ping, text: "b", maskKey: nil, to: &$0)
      WebSocketEncoder.append(.continuation, text: "c", maskKey: nil, to: &$0)
    }
    #expect(decode(bytes).received == [Received(.ping, "b"), Received(.text, "ac")])
  }
}

@Suite struct RoundTripTests {
  @Test(arguments: 1...40 as ClosedRange<UInt64>, [WebSocketRole.client, .server])
  func whatGoesInComesOut(seed: UInt64, receiver: WebSocketRole) {
    var random = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15)
    var wire = ByteQueue()
    var expected: [Received] = []
    for _ in 0..<Int.random(in: 1...20, using: &random) {
      appendMessage(to: &wire, &expected, masked: receiver == .server, &random)
    }
    let bytes = wire.copy()
    var pieces: [ArraySlice<UInt8>] = []
    var index = 0
    let pieceMax = [1, 3, 50, 5000].randomElement(using: &random) ?? 1
    while index < bytes.count {
      let end = min(bytes.count, index + Int.random(in: 1...pieceMax, using: &random))
      pieces.append(bytes[index..<end])
      index = end
    }
    let outcome = decode(pieces, role: receiver)
    #expect(outcome == Outcome(received: expected), "seed \(seed), \(receiver), pieces up to \(pieceMax)")
  }

  private func appendMessage(
    to wire: inout ByteQueue, _ expected: inout [Received], masked: Bool, _ random: inout SplitMix64
  ) {
    let isText = Bool.random(using: &random)
    let length = [0, 1, 10, 126, 300, 3000].randomElement(using: &random) ?? 0
    let payload = isText ? text(length, &random) : (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
    var rest = payload[...]
    var opcode: WebSocketOpcode = isText ? .text : .binary
    while true {
      let isFinal = Int.random(in: 0..<3, using: &random) == 0
      let part = isFinal ? rest : rest.prefix(Int.random(in: 0...max(1, rest.count), using: &random))
      rest = rest.dropFirst(part.count)
      let key = masked ? UInt32.random(in: 0...UInt32.max, using: &random) : nil
      WebSocketEncoder.append(opcode, payload: [UInt8](part).span, maskKey: key, isFinal: isFinal, to: &wire)
      opcode = .continuation
      if isFinal { break }
      if Int.random(in: 0..<4, using: &random) == 0 {
        let ping = text(Int.random(in: 0...30, using: &random), &random)
        WebSocketEncoder.append(.ping, payload: ping.span, maskKey: masked ? 0xDEAD_BEEF : nil, to: &wire)
        expected.append(Received(.ping, ping))
      }
    }
    expected.append(Received(isText ? .text : .binary, payload))
  }

  private func text(_ scalars: Int, _ random: inout SplitMix64) -> [UInt8] {
    var text = ""
    for _ in 0..<scalars { text.append(["a", "Z", "é", "€", "😀", "\n"].randomElement(using: &random) ?? "a") }
    return [UInt8](text.utf8)
  }

  /// No bytes whatever crash the decoder, and cutting them differently changes nothing.
  @Test(arguments: 1...300 as ClosedRange<UInt64>)
  func noiseIsDecodedTheSameHoweverItIsCut(seed: UInt64) {
    var random = SplitMix64(seed: seed &* 0xA24B_AED4_963E_E407)
    let role: WebSocketRole = Bool.random(using: &random) ? .client : .server
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 1...8, using: &random) {
      let first: UInt8 =
        [0x81, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8A, 0x88, UInt8.random(in: 0...255, using: &random)]
        .randomElement(using: &random) ?? 0
      let payload = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        UInt8.random(in: 0x20...0x82, using: &random)
      }
      bytes += frame(first, payload, mask: role == .server ? [1, 0, 0, 0] : nil)
    }
    let whole = decode(bytes, role: role, messageBytesMax: 50)
    for pieces in cuts(of: bytes) {
      let cut = decode(pieces, role: role, messageBytesMax: 50)
      #expect(cut.received == whole.received && cut.violation == whole.violation, "seed \(seed)")
    }
  }
}
