import Bytes
import FuzzSupport
import HTTPCodec
import JSONCodec
import Sandbox

/// The input as a request of a publisher to the sandbox, and as a choice of one: as it is, signed by a signer of its own,
/// and signed with one byte changed afterwards. Each is answered, and has the effect, that a model says; nothing that was
/// changed is ever obeyed.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSandboxRequests(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = FuzzInput(start, count)
  _ = knowsTheVectors
  if let request = PublisherMessage(input.bytes).decoded() { check(request, input.random) }
  var maker = RequestMaker(input)
  check(maker.make(), input.random)
  return 0
}

private func check(_ request: SandboxRequest, _ random: SplitMix64) {
  var random = random
  var stage = SandboxStage()
  _ = stage.check(request)
  let good = signed(request, timestamp: "\(SandboxStage.unixTime)", &random)
  let due = stage.model.answer(to: good).status
  let answered = stage.check(good).status
  require(answered == due, "\(answered) with a signature, due \(due)")
  guard RESTModel.needsSignature(request), due == 200 || due == 422 else { return }
  for part in Part.allCases {
    let status = stage.check(part.changed(good, &random)).status
    require((400...499).contains(status), "\(status) with another \(part)")
  }
  _ = stage.check(signed(request, timestamp: timestamps.randomElement(using: &random) ?? "", &random))
}

/// The fixture of the official server libraries: the signer here is right before it judges another.
private let knowsTheVectors: Void = {
  let body = #"{"name":"new-message","channel":"chat","data":"{\"hello\":\"world\"}"}"#
  let signature = OwnSigner(key: "test-key", secret: "test-secret-1").request(
    timestamp: "1700000000", method: "POST", path: "/apps/123/events", body: [UInt8](body.utf8))
  require(signature == "5b4fc4e2359786bf85a6563cfb35fda3370ad50e4c1e3ed86994eea6b6184ff5", "signed as \(signature)")
}()

/// Clocks that are right, just right and wrong, and what is no time.
private let timestamps = [
  "1699999400", "1700000600", "1699999399", "1700000601", "+1700000000", "01700000000", "1700000000.0", "1.7e9", "-1",
  "9223372036854775807", "-9223372036854775808", "9223372036854775808", "0x6553f100", "١٧٠٠٠٠٠٠٠٠",
]

private func signed(_ request: SandboxRequest, timestamp: String, _ random: inout SplitMix64) -> SandboxRequest {
  var request = request
  let path = RequestTarget(request.target)?.rawPath ?? ""
  let signature = SandboxStage.signer.request(
    timestamp: timestamp, method: request.method, path: path, body: request.body)
  let isLower = Bool.random(using: &random)
  for (name, value) in [("Key", SandboxStage.signer.key), ("Timestamp", timestamp), ("Signature", signature)] {
    request.headers.remove("X-Realtime-\(name)")
    request.headers.append(isLower ? "x-realtime-\(name.lowercased())" : "X-Realtime-\(name)", value)
  }
  return request
}

/// What a signature covers or consists of.
private enum Part: CaseIterable {
  case key, timestamp, signature, method, path, body

  /// `request` with another byte in this part of it.
  func changed(_ request: SandboxRequest, _ random: inout SplitMix64) -> SandboxRequest {
    var request = request
    switch self {
    case .key, .timestamp, .signature:
      let name = "X-Realtime-\(self)"
      let value = request.headers[name] ?? ""
      if Int.random(in: 0..<8, using: &random) == 0 {
        request.headers.remove(name)
      } else {
        request.headers.set(name, String(decoding: otherBytes([UInt8](value.utf8), &random), as: UTF8.self))
      }
    case .method:
      request.method =
        ["GET", "HEAD", "POST", "PUT"].filter { $0 != request.method }.randomElement(using: &random) ?? ""
    case .path:
      let target = [UInt8](request.target.utf8)
      // Whom an absolute form names is not signed.
      guard target.first == UInt8(ascii: "/") else {
        request.target = "*"
        break
      }
      let path = target.prefix { $0 != UInt8(ascii: "?") }
      let changed = otherBytes([UInt8](path), &random)
      request.target = String(decoding: changed + target.dropFirst(path.count), as: UTF8.self)
    case .body:
      request.body = request.body.isEmpty ? [0x20] : otherBytes(request.body, &random)
    }
    return request
  }

  /// One byte is another one, or one more or less.
  private func otherBytes(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var changed = bytes
    let place = Int.random(in: 0..<max(1, bytes.count), using: &random)
    let byte = UInt8.random(in: 0x21...0x7E, using: &random)
    switch Int.random(in: 0..<4, using: &random) {
    case 0: changed.insert(byte, at: min(place, bytes.count))
    case 1 where !bytes.isEmpty: changed.remove(at: place)
    default: if !bytes.isEmpty { changed[place] = byte == bytes[place] ? byte ^ 1 : byte }
    }
    return changed == bytes ? bytes + [0x21] : changed
  }
}
