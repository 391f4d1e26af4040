public import Bytes

/// The bytes of one execution.
///
/// Inputs are what a peer would send, as they are, so that a seed is an ordinary message: a target tries every role and
/// limit on the same bytes, and where they are cut follows from the bytes themselves.
public struct FuzzInput {
  /// All of them.
  public let bytes: [UInt8]
  /// How many ``next()`` and its kin have taken.
  private var taken = 0

  /// What `LLVMFuzzerTestOneInput` is called with.
  public init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
    bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
  }

  /// Numbers that are decided by the bytes, for cuts and the like.
  public var random: SplitMix64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return SplitMix64(seed: hash)
  }

  /// `bytes` in pieces, none of them empty; how long they are is decided by the bytes.
  public var pieces: [ArraySlice<UInt8>] {
    var random = self.random
    let longest = [1, 2, 7, 30, 300].randomElement(using: &random) ?? 1
    var rest = bytes[...]
    var pieces: [ArraySlice<UInt8>] = []
    while !rest.isEmpty {
      let count = Int.random(in: 1...min(longest, rest.count), using: &random)
      pieces.append(rest.prefix(count))
      rest = rest.dropFirst(count)
    }
    return pieces
  }

  // MARK: As a list of instructions

  /// Whether all bytes have been taken.
  public var isAtEnd: Bool { taken == bytes.count }

  /// The next byte, 0 after the last.
  public mutating func next() -> UInt8 {
    guard taken < bytes.count else { return 0 }
    taken += 1
    return bytes[taken - 1]
  }

  /// A number below `bound`.
  public mutating func next(below bound: Int) -> Int { Int(next()) % bound }

  /// A number of two bytes.
  public mutating func next16() -> Int { Int(next()) << 8 | Int(next()) }

  /// The next `count` bytes, or what is left of them.
  public mutating func next(bytes count: Int) -> [UInt8] {
    let end = min(taken + count, bytes.count)
    defer { taken = end }
    return [UInt8](bytes[taken..<end])
  }

  /// A length and as many bytes.
  public mutating func nextText() -> [UInt8] { next(bytes: Int(next())) }

  /// The rest.
  public mutating func rest() -> [UInt8] { next(bytes: bytes.count) }
}

/// Ends the process when what should always hold does not.
public func require(
  _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #file, line: UInt = #line
) {
  if !condition { fatalError(message(), file: file, line: line) }
}

/// Bytes for a message: as text where they are, else as numbers.
public func shown(_ bytes: some Collection<UInt8>) -> String {
  String(validating: bytes, as: UTF8.self).map { $0.debugDescription } ?? "\([UInt8](bytes))"
}
