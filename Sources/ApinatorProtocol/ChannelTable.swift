/// The channels that are wanted, found by the bytes of their names without an allocation.
///
/// Open addressing with linear probing; a handle is the index of a record and stays put while the table grows.
struct ChannelTable {
  private struct Slot {
    var hash: UInt32
    /// The index of a record, -1 when the slot is empty.
    var index: Int32

    static let empty = Slot(hash: 0, index: -1)
  }

  private(set) var count = 0
  private var slots: [Slot]
  private var records: [ChannelRecord] = []
  private var free: [Int] = []
  /// Keeps others from choosing names that collide.
  private let seed: UInt64

  init(seed: UInt64) {
    self.seed = seed | 1
    slots = Array(repeating: .empty, count: 16)
  }

  subscript(_ handle: ChannelHandle) -> ChannelRecord {
    _read { yield records[handle.index] }
    _modify { yield &records[handle.index] }
  }

  /// Every channel, by handle.
  var handles: [ChannelHandle] {
    records.indices.filter { !records[$0].isFree }.map { ChannelHandle(index: $0) }
  }

  func find(_ name: Span<UInt8>) -> ChannelHandle? {
    guard count > 0 else { return nil }
    let hash = hash(name)
    var slot = Int(hash) & (slots.count &- 1)
    while slots[slot].index >= 0 {
      let index = Int(slots[slot].index)
      if slots[slot].hash == hash, ChannelTable.areEqual(records[index].nameBytes, name) {
        return ChannelHandle(index: index)
      }
      slot = (slot &+ 1) & (slots.count &- 1)
    }
    return nil
  }

  func find(_ name: String) -> ChannelHandle? {
    let bytes = [UInt8](name.utf8)
    return find(bytes.span)
  }

  /// Adds a channel that is not there yet.
  mutating func insert(_ name: String) -> ChannelHandle {
    if (count + 1) * 2 > slots.count { grow() }
    let record = ChannelRecord(name: name)
    let index: Int
    if let reused = free.popLast() {
      records[reused] = record
      index = reused
    } else {
      index = records.count
      records.append(record)
    }
    let bytes = record.nameBytes
    place(Slot(hash: hash(bytes.span), index: Int32(index)))
    count += 1
    return ChannelHandle(index: index)
  }

  mutating func remove(_ handle: ChannelHandle) {
    let mask = slots.count - 1
    let bytes = records[handle.index].nameBytes
    var hole = Int(hash(bytes.span)) & mask
    while slots[hole].index != Int32(handle.index) { hole = (hole + 1) & mask }
    // Move back what was probed past the hole, so that no search ends at it early.
    var next = (hole + 1) & mask
    while slots[next].index >= 0 {
      let home = Int(slots[next].hash) & mask
      if (next - home) & mask >= (next - hole) & mask {
        slots[hole] = slots[next]
        hole = next
      }
      next = (next + 1) & mask
    }
    slots[hole] = .empty
    records[handle.index] = .free
    free.append(handle.index)
    count -= 1
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: .empty, count: old.count * 2)
    for slot in old where slot.index >= 0 { place(slot) }
  }

  private mutating func place(_ slot: Slot) {
    var at = Int(slot.hash) & (slots.count - 1)
    while slots[at].index >= 0 { at = (at + 1) & (slots.count - 1) }
    slots[at] = slot
  }

  private func hash(_ name: Span<UInt8>) -> UInt32 {
    name.withUnsafeBytes { bytes in
      var mixed = seed ^ UInt64(truncatingIfNeeded: bytes.count)
      var index = 0
      while index &+ 8 <= bytes.count {
        mixed = ChannelTable.mix(mixed ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        index &+= 8
      }
      var rest: UInt64 = 0
      while index < bytes.count {
        rest = rest << 8 | UInt64(bytes[index])
        index &+= 1
      }
      return UInt32(truncatingIfNeeded: ChannelTable.mix(mixed ^ rest) >> 32)
    }
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let (high, low) = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return high ^ low
  }

  private static func areEqual(_ left: [UInt8], _ right: Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    return left.withUnsafeBytes { left in
      right.withUnsafeBytes { right in
        var index = 0
        while index &+ 8 <= left.count {
          guard
            left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
              == right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
          else { return false }
          index &+= 8
        }
        while index < left.count {
          guard left[index] == right[index] else { return false }
          index &+= 1
        }
        return true
      }
    }
  }
}
