import ApinatorProtocol
import Bytes
import FuzzSupport

/// A session of the protocol, the bytes being what happens to it: what the server says, what the network does, what the
/// owner asks for, and how time passes. After every step what always holds is checked.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSession(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count)
  var story = SessionStory(isStopping: input.next() & 1 != 0, seed: input.random)
  for _ in 0..<500 where !input.isAtEnd {
    story.step(&input)
    story.check()
  }
  story.rest()
  return 0
}
