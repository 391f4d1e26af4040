import Bytes
import Testing

@Suite struct ByteQueueTests {
  @Test func isEmptyAndOwnsNothingAtFirst() {
    let queue = ByteQueue()
    let isEmpty = queue.isEmpty
    #expect(isEmpty)
    #expect(queue.allocatedBytes == 0)
    queue.withReadableBytes { bytes in #expect(bytes.isEmpty) }
  }

  @Test func givesBackWhatWasAppendedInOrder() {
    var queue = ByteQueue()
    queue.append([1, 2, 3])
    queue.append(4)
    queue.append("é")
    let bytes: [UInt8] = [5, 6]
    queue.append(bytes.span)
    #expect(queue.copy() == [1, 2, 3, 4, 0xC3, 0xA9, 5, 6])
    queue.consume(3)
    #expect(queue.copy() == [4, 0xC3, 0xA9, 5, 6])
  }

  @Test func releasesStorageOnlyWhenEmpty() {
    var queue = ByteQueue()
    queue.append([1, 2])
    queue.releaseStorage()
    #expect(queue.copy() == [1, 2])
    queue.consume(2)
    #expect(queue.allocatedBytes > 0)
    queue.releaseStorage()
    #expect(queue.allocatedBytes == 0)
    queue.append([3])
    #expect(queue.copy() == [3])
  }

  @Test func countsOnlyWhatWasFilled() {
    var queue = ByteQueue()
    let filled = queue.withWritableBytes(minimum: 100) { room in
      #expect(room.count >= 100)
      room[0] = 7
      return 1
    }
    #expect(filled == 1)
    #expect(queue.copy() == [7])
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func behavesAsAnArray(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var queue = ByteQueue()
    var model: [UInt8] = []
    for step in 0..<500 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        let bytes = (0..<Int.random(in: 0..<700, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        queue.append(bytes)
        model += bytes
      case 5..<9:
        let count = Int.random(in: 0...model.count, using: &random)
        queue.consume(count)
        model.removeFirst(count)
      default:
        queue.releaseStorage()
        if model.isEmpty { #expect(queue.allocatedBytes == 0, "seed \(seed) step \(step)") }
      }
      #expect(queue.count == model.count, "seed \(seed) step \(step)")
    }
    #expect(queue.copy() == model, "seed \(seed)")
  }
}
