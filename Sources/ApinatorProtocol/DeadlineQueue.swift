import Bytes

/// The deadlines of channels, earliest first: a binary heap.
///
/// A deadline is not removed when its channel moves on, but found to be of another ticket when it comes up.
struct DeadlineQueue {
  struct Entry {
    var deadline: Instant
    var handle: ChannelHandle
    var ticket: UInt64
  }

  private var heap: [Entry] = []

  var first: Entry? { heap.first }

  mutating func removeAll() { heap.removeAll() }

  mutating func insert(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].deadline < heap[parent].deadline else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  mutating func removeFirst() {
    let last = heap.removeLast()
    guard !heap.isEmpty else { return }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if heap[child].deadline < heap[least].deadline { least = child }
      }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
