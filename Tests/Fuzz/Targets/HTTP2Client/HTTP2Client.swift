import Bytes
import FuzzSupport
import HTTP2Codec
import HTTPCodec

/// A connection to an auth endpoint: bytes of its server, as they are or made into frames, and requests of ours. Nothing
/// traps, each request comes to one end, and a body is what the server's DATA carried.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP2Client(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count)
  let story = ClientStory(beginsWithSettings: input.next() & 1 == 0)
  for _ in 0..<300 where !input.isAtEnd && !story.isOver { story.step(&input) }
  return 0
}
