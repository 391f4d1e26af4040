/// A first-in, first-out row of plain structs with access by index; owns no memory while it has never held anything or
/// was released.
internal struct EntryDeque<Element> {
  private var storage: [Element] = []
  private var head = 0

  @inline(__always) var count: Int { storage.count &- head }
  @inline(__always) var isEmpty: Bool { storage.count == head }
  var last: Element? { isEmpty ? nil : storage.last }
  var allocatedBytes: Int { storage.capacity * MemoryLayout<Element>.stride }

  @inline(__always)
  subscript(_ index: Int) -> Element {
    get { storage[head &+ index] }
    set { storage[head &+ index] = newValue }
  }

  @inline(__always)
  mutating func append(_ element: Element) { storage.append(element) }

  /// Puts `elements` before the first.
  mutating func prepend(_ elements: [Element]) {
    storage.replaceSubrange(0..<head, with: elements)
    head = 0
  }

  mutating func removeFirst(_ number: Int) {
    precondition(number <= count, "more entries removed than there are")
    head += number
    // Moving what is left costs no more than what was removed did.
    guard head > 0, head >= storage.count - head else { return }
    storage.removeSubrange(0..<head)
    head = 0
  }

  /// Gives memory back when most of it is unused; moves what is left.
  mutating func shrink() {
    if isEmpty {
      storage = []
      head = 0
    } else if storage.capacity > 64, storage.capacity / 4 > count {
      storage = Array(storage[head...])
      head = 0
    }
  }

  /// The index of the first element from `start` on of which `isPast` holds, which must hold of all after it; `count`
  /// when there is none.
  func firstIndex(from start: Int = 0, where isPast: (Element) -> Bool) -> Int {
    var low = start
    var high = count
    while low < high {
      let middle = low + (high - low) / 2
      if isPast(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
