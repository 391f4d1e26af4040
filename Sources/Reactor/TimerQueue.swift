import Bytes

/// A scheduled timer. A timer that fired or was cancelled is never mistaken for a later one.
public struct TimerID: Hashable, Sendable {
  internal let slot: UInt32
  internal let generation: UInt32
}

/// Timers by deadline: a binary heap whose nodes know their slots and whose slots know their nodes, so that
/// cancelling costs O(log n) and leaves nothing behind.
internal struct TimerQueue {
  private struct Node {
    var deadline: Instant
    var sequence: UInt64
    var slot: UInt32

    func isBefore(_ other: Node) -> Bool {
      deadline == other.deadline ? sequence < other.sequence : deadline < other.deadline
    }
  }

  private struct Slot {
    var action: (() -> Void)?
    var generation: UInt32
    /// The node's index in the heap, or ``collected``.
    var position: Int32
  }

  /// The position of a timer that has left the heap to be fired in this turn.
  private static let collected: Int32 = -1

  private var heap: [Node] = []
  private var slots: [Slot] = []
  private var free: [UInt32] = []
  private var nextSequence: UInt64 = 0

  /// How many timers wait.
  var count: Int { heap.count }

  /// When the next timer is due.
  var earliest: Instant? { heap.first?.deadline }

  mutating func schedule(at deadline: Instant, _ action: @escaping () -> Void) -> TimerID {
    let index: UInt32
    if let reused = free.popLast() {
      index = reused
      slots[Int(index)].action = action
    } else {
      index = UInt32(slots.count)
      slots.append(Slot(action: action, generation: 0, position: TimerQueue.collected))
    }
    push(index, deadline)
    return TimerID(slot: index, generation: slots[Int(index)].generation)
  }

  /// Moves a timer that has not fired yet; it takes its place behind those already scheduled for the same time.
  mutating func reschedule(_ id: TimerID, at deadline: Instant) -> Bool {
    guard isLive(id) else { return false }
    removeFromHeap(id.slot)
    push(id.slot, deadline)
    return true
  }

  /// Forgets the timer; its action is handed out so that it is released outside of the queue.
  mutating func cancel(_ id: TimerID) -> (() -> Void)? {
    guard isLive(id) else { return nil }
    removeFromHeap(id.slot)
    return release(id.slot)
  }

  /// Takes every timer due at `now` out of the heap, in order; each is then asked for with ``take(_:)``.
  mutating func collectDue(at now: Instant, into due: inout [TimerID]) {
    while let first = heap.first, first.deadline <= now {
      removeFromHeap(first.slot)
      due.append(TimerID(slot: first.slot, generation: slots[Int(first.slot)].generation))
    }
  }

  /// The action of a collected timer, unless it was cancelled or rescheduled since.
  mutating func take(_ id: TimerID) -> (() -> Void)? {
    guard isLive(id), slots[Int(id.slot)].position == TimerQueue.collected else { return nil }
    return release(id.slot)
  }

  private func isLive(_ id: TimerID) -> Bool {
    Int(id.slot) < slots.count && slots[Int(id.slot)].generation == id.generation
  }

  private mutating func release(_ slot: UInt32) -> (() -> Void)? {
    let action = slots[Int(slot)].action
    slots[Int(slot)].action = nil
    slots[Int(slot)].generation &+= 1
    free.append(slot)
    return action
  }

  private mutating func push(_ slot: UInt32, _ deadline: Instant) {
    let node = Node(deadline: deadline, sequence: nextSequence, slot: slot)
    nextSequence += 1
    heap.append(node)
    siftUp(node, from: heap.count - 1)
  }

  private mutating func removeFromHeap(_ slot: UInt32) {
    let position = Int(slots[Int(slot)].position)
    guard position >= 0 else { return }
    slots[Int(slot)].position = TimerQueue.collected
    let last = heap.removeLast()
    guard position < heap.count else { return }
    if position > 0, last.isBefore(heap[(position - 1) / 2]) {
      siftUp(last, from: position)
    } else {
      siftDown(last, from: position)
    }
  }

  private mutating func siftUp(_ node: Node, from start: Int) {
    var position = start
    while position > 0, node.isBefore(heap[(position - 1) / 2]) {
      place(heap[(position - 1) / 2], at: position)
      position = (position - 1) / 2
    }
    place(node, at: position)
  }

  private mutating func siftDown(_ node: Node, from start: Int) {
    var position = start
    while true {
      var child = 2 * position + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
      guard heap[child].isBefore(node) else { break }
      place(heap[child], at: position)
      position = child
    }
    place(node, at: position)
  }

  private mutating func place(_ node: Node, at position: Int) {
    heap[position] = node
    slots[Int(node.slot)].position = Int32(position)
  }
}
