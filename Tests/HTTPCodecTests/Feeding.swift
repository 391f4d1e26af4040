import Bytes
import HTTPCodec

/// What a decoder made of a stream of bytes.
struct Requests: Equatable, CustomStringConvertible {
  var events: [RequestEvent] = []
  var violation: RequestViolation?
  var left: [UInt8] = []
  var state = RequestDecoder.State.idle

  var description: String {
    "events \(events), violation \(violation.map { "\($0.fault)" } ?? "none"), \(left.count) left, \(state)"
  }

  /// Feeds `pieces` one after the other, taking all that comes after each.
  init(_ pieces: [ArraySlice<UInt8>], limits: RequestLimits = RequestLimits()) {
    var decoder = RequestDecoder(limits: limits)
    var queue = ByteQueue()
    do throws(RequestViolation) {
      for piece in pieces {
        queue.append(Array(piece))
        while let event = try decoder.next(from: &queue) { events.append(event) }
      }
      left = queue.copy()
    } catch {
      violation = error
    }
    state = decoder.state
  }
}

/// The same for a response, with the end of the connection after the last piece.
struct Response: Equatable, CustomStringConvertible {
  var events: [ResponseEvent] = []
  var fault: MessageFault?
  var left: [UInt8] = []
  var isComplete = false

  var description: String {
    "events \(events), fault \(fault.map { "\($0)" } ?? "none"), \(left.count) left, complete \(isComplete)"
  }

  init(_ pieces: [ArraySlice<UInt8>], bodyBytesMax: Int = 1024, ends: Bool = true) {
    var decoder = ResponseDecoder(bodyBytesMax: bodyBytesMax)
    var queue = ByteQueue()
    do throws(ResponseViolation) {
      for piece in pieces {
        queue.append(Array(piece))
        while let event = try decoder.next(from: &queue) { events.append(event) }
      }
      if ends, let event = try decoder.finish() { events.append(event) }
      left = queue.copy()
    } catch {
      fault = error.fault
    }
    isComplete = decoder.isComplete
  }
}

/// Whole, cut in two at every point, and byte by byte.
func cuts(_ bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
  var all: [[ArraySlice<UInt8>]] = [[bytes[...]]]
  for cut in 1..<max(bytes.count, 2) where cut < bytes.count { all.append([bytes[..<cut], bytes[cut...]]) }
  all.append(bytes.indices.map { bytes[$0...$0] })
  return all
}

/// The bytes of `text`, each scalar one byte (Latin-1), so that a vector can spell any byte as `\u{XX}`.
func latin1(_ text: String) -> [UInt8] {
  text.unicodeScalars.map { UInt8($0.value) }
}
