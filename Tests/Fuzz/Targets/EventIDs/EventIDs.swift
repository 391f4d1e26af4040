import Bytes
import EventStreamCodec
import FuzzSupport

/// What a reader sends as Last-Event-ID: taken when it is what we would have written, refused in every other spelling.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzEventIDs(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count)
  let text = String(decoding: input.bytes, as: UTF8.self)
  let id = EventID(text)
  require(id == reference(text), "\(text.debugDescription) is \(id?.description ?? "refused")")
  if let id { require(id.description == text, "\(text) and \(id)") }
  checkOrder(number(&input), number(&input), number(&input))
  checkHex(input.bytes)
  return 0
}

/// Read by the standard library, and accepted when it is written the same way.
private func reference(_ text: String) -> EventID? {
  guard text.unicodeScalars.allSatisfy({ $0.isASCII && $0 != "+" }),
    let dash = text.firstIndex(of: "-"),
    let epoch = UInt64(text[..<dash], radix: 16),
    let sequence = UInt64(text[text.index(after: dash)...])
  else { return nil }
  return String(epoch, radix: 16) + "-" + String(sequence) == text ? EventID(epoch: epoch, sequence: sequence) : nil
}

private func number(_ input: inout FuzzInput) -> UInt64 {
  (0..<8).reduce(0) { number, _ in number << 8 | UInt64(input.next()) }
}

private func checkOrder(_ epoch: UInt64, _ one: UInt64, _ other: UInt64) {
  let id = EventID(epoch: epoch, sequence: one)
  require(EventID(id.description) == id, "\(id) is not read")
  require(id.precedes(EventID(epoch: epoch, sequence: other)) == (one < other), "\(one) and \(other)")
  require(id.precedes(EventID(epoch: epoch ^ 1, sequence: other)) == nil, "two lives have an order")
}

private func checkHex(_ bytes: [UInt8]) {
  let hex = Hex.encode(bytes)
  require(hex.utf8.count == bytes.count * 2 && Hex.decode(hex.utf8) == bytes, "\(hex) is not \(bytes)")
  require(Hex.decode(hex.uppercased().utf8) == bytes, "\(hex.uppercased()) is not \(bytes)")
  if let decoded = Hex.decode(bytes) {
    require(
      Hex.encode(decoded).utf8.elementsEqual(String(decoding: bytes, as: UTF8.self).lowercased().utf8), "\(bytes)")
  }
  let base64 = Base64.encode(bytes)
  require(Base64.decode([UInt8](base64.utf8)) == bytes, "\(base64) is not \(bytes)")
  if let decoded = Base64.decode(bytes) {
    require([UInt8](Base64.encode(decoded).utf8) == bytes, "\(bytes) is not the only spelling of \(decoded)")
  }
}
