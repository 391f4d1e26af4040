import JSONCodec

/// Writes a payload as the rest of a `data` line and as further ones: CR, CRLF and LF each end a line.
///
/// The words copied are eight bytes wide whatever is needed of them, so that ``slackBytes`` of room past the end are
/// required. A line end makes the text longer; when there is no room for that, nothing is promised about the output and
/// the caller begins again with more.
internal struct DataLines {
  /// The room that has to be left past the text at any time.
  static let slackBytes = 16
  /// The most that one byte of payload becomes: a line feed and the field name of the next line.
  static let growthMax = 7

  private let output: UnsafeMutableRawPointer
  private let room: Int
  private(set) var position: Int
  private(set) var hasCarriageReturn = false

  init(_ writer: FrameWriter) {
    // A buffer with room has an address.
    guard let base = writer.output.baseAddress else { preconditionFailure("no room in the frame") }
    output = base
    room = writer.output.count
    position = writer.position
  }

  /// Writes all of `data`; false when the room does not suffice.
  mutating func write(_ data: EventText) -> Bool {
    switch data {
    case .escaped(let text): return text.withUnsafeBytes { write(escaped: $0) }
    case .plain(let text): return text.withUnsafeBytes { write(plain: $0) }
    }
  }

  @inline(__always)
  private func fits(_ bytes: Int) -> Bool { position &+ bytes &+ DataLines.slackBytes <= room }

  private mutating func write(escaped bytes: UnsafeRawBufferPointer) -> Bool {
    // While there is room for all that is left unexpanded, only line ends have to look.
    guard fits(bytes.count) else { return false }
    var index = 0
    while true {
      index = copyPlainEscapes(bytes, from: index)
      guard index < bytes.count else { return true }
      guard let next = writeSpecial(bytes, at: index) else { return false }
      index = next
    }
  }

  /// Copies what stands for itself and the escapes `\"` and `\\`, which embedded JSON is full of, eight bytes at a
  /// time; returns where something else is.
  private mutating func copyPlainEscapes(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var index = start
    var end = position
    defer { position = end }
    nextWord: while index < bytes.count {
      // The last word is shorter; what follows the text in it is neither special nor counted.
      var left = min(bytes.count &- index, 8) &* 8
      var word = left == 64 ? StringRun.word(bytes, at: index) : DataLines.lastWord(bytes, from: index)
      let next = index &+ left &>> 3
      var specials = StringRun.mask(word)
      while specials != 0 {
        // Write what is before the special byte; the rest of the word stays in the register, moved to its beginning.
        (output + end).storeBytes(of: word.littleEndian, as: UInt64.self)
        let run = specials.trailingZeroBitCount &- 7
        end &+= run &>> 3
        word = word &>> UInt64(run)
        left &-= run
        let place = next &- left &>> 3
        guard UInt8(truncatingIfNeeded: word) == UInt8(ascii: "\\") else { return place }
        guard left > 8 else {
          // The escape begins with the last byte: look again from there.
          guard place > index else { return place }
          index = place
          continue nextWord
        }
        let letter = UInt8(truncatingIfNeeded: word &>> 8)
        guard letter == UInt8(ascii: "\"") || letter == UInt8(ascii: "\\") else { return place }
        // Without its backslash the letter stands for itself.
        word = word &>> 8
        specials = ((specials &>> UInt64(run)) &>> 8) & ~0x80
        left &-= 8
      }
      (output + end).storeBytes(of: word.littleEndian, as: UInt64.self)
      end &+= left &>> 3
      index = next
    }
    return index
  }

  /// The bytes from `index` to the end, fewer than eight, in a word filled up with what is not special.
  @inline(__always)
  private static func lastWord(_ bytes: UnsafeRawBufferPointer, from index: Int) -> UInt64 {
    let left = UInt64(truncatingIfNeeded: (bytes.count &- index) &* 8)
    let filling = UInt64.max &<< left
    if bytes.count >= 8 { return StringRun.word(bytes, at: bytes.count &- 8) &>> (64 &- left) | filling }
    var word = filling
    var shift: UInt64 = 0
    for place in index..<bytes.count {
      word = word & ~(0xFF &<< shift) | UInt64(bytes[place]) &<< shift
      shift &+= 8
    }
    return word
  }

  /// Writes what the escape or raw byte at `index` stands for and returns the index after it; nil for want of room.
  @inline(never)
  private mutating func writeSpecial(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int? {
    let (scalar, next) = DataLines.scalar(bytes, at: index)
    guard scalar == 0x0A || scalar == 0x0D else {
      let target = UnsafeMutableRawBufferPointer(start: output, count: room)
      position &+= JSONString.encode(scalar, to: target, at: position)
      return next
    }
    var rest = next
    if scalar == 0x0D {
      hasCarriageReturn = true
      if next < bytes.count, case (0x0A, let after) = DataLines.scalar(bytes, at: next) { rest = after }
    }
    return endLine(left: bytes.count &- rest) ? rest : nil
  }

  private static func scalar(_ bytes: UnsafeRawBufferPointer, at index: Int) -> (scalar: UInt32?, next: Int) {
    bytes[index] == UInt8(ascii: "\\")
      ? JSONString.decodeEscape(bytes, at: index) : (UInt32(bytes[index]), index &+ 1)
  }

  private mutating func write(plain bytes: UnsafeRawBufferPointer) -> Bool {
    guard fits(bytes.count) else { return false }
    var index = 0
    while true {
      let line = LineRun.end(bytes, from: index)
      if line > index, let base = bytes.baseAddress {
        (output + position).copyMemory(from: base + index, byteCount: line &- index)
        position &+= line &- index
      }
      guard line < bytes.count else { return true }
      index = line &+ 1
      if bytes[line] == 0x0D {
        hasCarriageReturn = true
        if index < bytes.count, bytes[index] == 0x0A { index &+= 1 }
      }
      guard endLine(left: bytes.count &- index) else { return false }
    }
  }

  private mutating func endLine(left: Int) -> Bool {
    guard fits(left &+ DataLines.growthMax) else { return false }
    let separator: StaticString = "\ndata: "
    (output + position).copyMemory(from: separator.utf8Start, byteCount: DataLines.growthMax)
    position &+= DataLines.growthMax
    return true
  }
}

/// The part of a text up to a CR or LF.
internal enum LineRun {
  /// The index of the first CR or LF at or after `start`; `bytes.count` when there is none.
  static func end(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var index = start
    let ones: UInt64 = 0x0101_0101_0101_0101
    while index &+ 8 <= bytes.count {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let lineFeed = word ^ (ones &* 0x0A)
      let carriageReturn = word ^ (ones &* 0x0D)
      let hits = (lineFeed &- ones) & ~lineFeed | (carriageReturn &- ones) & ~carriageReturn
      let ends = hits & (ones &* 0x80)
      // The lowest hit is exact; the ones above it may come from a borrow.
      if ends != 0 { return index &+ ends.trailingZeroBitCount >> 3 }
      index &+= 8
    }
    while index < bytes.count, bytes[index] != 0x0A, bytes[index] != 0x0D { index &+= 1 }
    return index
  }
}
