import Bytes
import WebSocketCodec

/// An event with a copy of its payload.
struct Received: Equatable {
  var event: WebSocketEvent
  var payload: [UInt8]

  init(_ event: WebSocketEvent, _ payload: [UInt8]) {
    self.event = event
    self.payload = payload
  }

  init(_ event: WebSocketEvent, _ text: String) { self.init(event, [UInt8](text.utf8)) }
}

/// What a decoder made of some bytes.
struct Outcome: Equatable {
  var received: [Received] = []
  var violation: WebSocketViolation?
  /// How many bytes had been given when the violation was thrown.
  var violationAt: Int?
}

/// Feeds `pieces` to a decoder one by one, taking all events after each.
func decode(
  _ pieces: [ArraySlice<UInt8>], role: WebSocketRole = .client, messageBytesMax: Int = 1 << 20
) -> Outcome {
  var decoder = WebSocketDecoder(role: role, messageBytesMax: messageBytesMax)
  var queue = ByteQueue()
  var outcome = Outcome()
  var given = 0
  for piece in pieces {
    queue.append([UInt8](piece))
    given += piece.count
    do throws(WebSocketViolation) {
      while let event = try decoder.next(from: &queue) {
        let payload = decoder.withPayload(in: queue) { span in span.withUnsafeBytes { [UInt8]($0) } }
        outcome.received.append(Received(event, payload))
      }
    } catch {
      outcome.violation = error
      outcome.violationAt = given
      return outcome
    }
  }
  return outcome
}

func decode(_ bytes: [UInt8], role: WebSocketRole = .client, messageBytesMax: Int = 1 << 20) -> Outcome {
  decode([bytes[...]], role: role, messageBytesMax: messageBytesMax)
}

/// All the ways to cut `bytes` that a test tries: in two at every point (or at some, when there are many) and singly.
func cuts(of bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
  let points = bytes.count <= 600 ? Array(0...bytes.count) : Array(0...20) + [bytes.count / 2, bytes.count - 1]
  return points.map { [bytes[..<$0], bytes[$0...]] } + [bytes.indices.map { bytes[$0...$0] }]
}

/// One frame written without our encoder, so that both halves are not wrong in the same way.
func frame(
  _ first: UInt8, _ payload: [UInt8], mask: [UInt8]? = nil, lengthBytes: Int? = nil, length: UInt64? = nil
) -> [UInt8] {
  let length = length ?? UInt64(payload.count)
  let spelling = lengthBytes ?? (length < 126 ? 0 : length < 65536 ? 2 : 8)
  let masked: UInt8 = mask == nil ? 0 : 128
  var bytes = [first]
  switch spelling {
  case 0: bytes.append(masked | UInt8(length))
  case 2: bytes.append(masked | 126)
  default: bytes.append(masked | 127)
  }
  for index in (0..<spelling).reversed() { bytes.append(UInt8(length >> UInt64(8 * index) & 255)) }
  guard let mask else { return bytes + payload }
  return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
}

func frame(_ first: UInt8, _ text: String, mask: [UInt8]? = nil) -> [UInt8] {
  frame(first, [UInt8](text.utf8), mask: mask)
}

func encoded(_ body: (inout ByteQueue) -> Void) -> [UInt8] {
  var queue = ByteQueue()
  body(&queue)
  return queue.copy()
}
