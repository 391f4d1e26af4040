import Bytes
import ChannelLog
import EventStreamCodec
import FuzzSupport

/// A log with readers, the bytes being what is done with it: each reader gets each event that was kept when it came, and
/// each one after it, once and in order; who asks for what is no longer kept is told.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzEventLog(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count)
  var story = LogStory(floor: UInt64(input.next()))
  for _ in 0..<400 where !input.isAtEnd {
    story.step(&input)
    story.check()
  }
  for index in story.readers.indices { story.read(index, &input, all: true) }
  story.checkCollecting()
  return 0
}
