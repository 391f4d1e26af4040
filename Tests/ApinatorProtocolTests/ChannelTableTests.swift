import Bytes
import Testing

@testable import ApinatorProtocol

@Suite struct ChannelTableTests {
  @Test(arguments: 0..<20) func findsWhatADictionaryFinds(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var table = ChannelTable(seed: seed)
    var model: [String: ChannelHandle] = [:]
    for _ in 0..<3000 {
      let name = "channel-\(random.next() % 300)"
      if let handle = model[name] {
        #expect(table.find(name) == handle, "seed \(seed)")
        if random.next() % 2 == 0 {
          table.remove(handle)
          model[name] = nil
        }
      } else {
        #expect(table.find(name) == nil, "seed \(seed)")
        model[name] = table.insert(name)
      }
      #expect(table.count == model.count)
    }
    for (name, handle) in model {
      #expect(table.find(name) == handle, "seed \(seed)")
      #expect(table[handle].name == name)
    }
    #expect(Set(table.handles) == Set(model.values))
    #expect(table.handles.allSatisfy { $0.index < 300 }, "handles are used again")
  }
}
