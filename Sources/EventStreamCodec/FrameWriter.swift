import JSONCodec

/// Writes a frame into a buffer whose room has been reserved: a position and nothing else, so that it stays in
/// registers.
internal struct FrameWriter {
  let output: UnsafeMutableRawBufferPointer
  var position = 0

  init(_ output: UnsafeMutableRawBufferPointer) { self.output = output }

  @inline(__always)
  mutating func write(_ text: StaticString) {
    write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  @inline(__always)
  mutating func write(_ bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count <= output.count &- position, "no room in the frame")
    guard let target = output.baseAddress, let source = bytes.baseAddress else { return }
    (target + position).copyMemory(from: source, byteCount: bytes.count)
    position &+= bytes.count
  }

  @inline(__always)
  mutating func write(byte: UInt8) {
    output[position] = byte
    position &+= 1
  }

  /// Writes `number` in decimal.
  @inline(never)
  mutating func write(decimal number: UInt64) {
    var digits = 1
    var rest = number
    while rest >= 10 {
      rest /= 10
      digits &+= 1
    }
    precondition(digits <= output.count &- position, "no room in the frame")
    rest = number
    position &+= digits
    for index in 1...digits {
      output[position &- index] = UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0")
      rest /= 10
    }
  }

  /// Writes the name as it is delivered: without CR, LF and NUL, and from upstream never one of the bridge's own.
  mutating func writeName(_ name: EventText, origin: EventOrigin) {
    let start = position
    switch name {
    case .plain(let text):
      text.withUnsafeBytes { if StringRun.end($0, from: 0) == $0.count { write($0) } else { writeName(plain: $0) } }
    case .escaped(let text):
      text.withUnsafeBytes { if StringRun.end($0, from: 0) == $0.count { write($0) } else { writeName(escaped: $0) } }
    }
    guard origin == .upstream, isReserved(UnsafeRawBufferPointer(rebasing: output[start..<position])) else { return }
    let prefix: StaticString = "upstream:"
    let length = prefix.utf8CodeUnitCount
    precondition(length <= output.count &- position, "no room in the frame")
    for index in stride(from: position &- 1, through: start, by: -1) { output[index &+ length] = output[index] }
    let end = position &+ length
    position = start
    write(prefix)
    position = end
  }

  private func isReserved(_ name: UnsafeRawBufferPointer) -> Bool {
    func holds(_ text: StaticString) -> Bool {
      for index in 0..<text.utf8CodeUnitCount where name[index] != text.utf8Start[index] { return false }
      return true
    }
    return name.count >= 7 && holds("bridge:") || name.count == 12 && holds("state_change")
  }

  private mutating func writeName(plain bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count <= output.count &- position, "no room in the frame")
    var end = position
    for byte in bytes where byte != 0x0A && byte != 0x0D && byte != 0 {
      output[end] = byte
      end &+= 1
    }
    position = end
  }

  private mutating func writeName(escaped bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count <= output.count &- position, "no room in the frame")
    var end = position
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\\") {
        let (scalar, next) = JSONString.decodeEscape(bytes, at: index)
        if scalar != 0x0A, scalar != 0x0D, scalar != 0 { end &+= JSONString.encode(scalar, to: output, at: end) }
        index = next
      } else {
        if byte != 0x0A, byte != 0x0D, byte != 0 {
          output[end] = byte
          end &+= 1
        }
        index &+= 1
      }
    }
    position = end
  }
}
