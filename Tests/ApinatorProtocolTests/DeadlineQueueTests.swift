import Bytes
import Testing

@testable import ApinatorProtocol

@Suite struct DeadlineQueueTests {
  @Test(arguments: 0..<20) func earliestFirst(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var queue = DeadlineQueue()
    var model: [UInt64] = []
    for _ in 0..<1000 {
      if random.next() % 3 == 0, let first = queue.first {
        #expect(first.deadline.nanoseconds == model.min(), "seed \(seed)")
        model.remove(at: model.firstIndex(of: first.deadline.nanoseconds) ?? 0)
        queue.removeFirst()
      } else {
        let value = random.next() % 100
        model.append(value)
        queue.insert(.init(deadline: Instant(nanoseconds: value), handle: ChannelHandle(index: 0), ticket: 0))
      }
    }
    while let first = queue.first {
      #expect(first.deadline.nanoseconds == model.min())
      model.remove(at: model.firstIndex(of: first.deadline.nanoseconds) ?? 0)
      queue.removeFirst()
    }
    #expect(model.isEmpty)
  }
}
