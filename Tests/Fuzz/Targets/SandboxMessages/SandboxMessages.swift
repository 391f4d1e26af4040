import Bytes
import FuzzSupport
import Sandbox
import WebSocketCodec

/// What clients of the sandbox say: the bytes of one connection, a text of which each line is a message, and messages
/// that fit, of three clients. What the sandbox answers is what a model answers, whole and in pieces the same, and
/// frames that a client's decoder understands; nothing comes after a close frame.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSandboxMessages(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = FuzzInput(start, count)
  check(input.bytes)
  let random = input.random
  check(ClientWire.frames(of: input.bytes, random))
  var story = MessageStory(input)
  story.tell()
  return 0
}

/// The bytes of a client, after its upgrade.
private func check(_ wire: [UInt8]) {
  let whole = acts([wire[...]])
  let split = acts(wire.withUnsafeBufferPointer { FuzzInput($0.baseAddress, $0.count).pieces })
  require(whole == split, "whole \(whole), split \(split)")
  guard !whole.isEmpty else { return }
  var stage = MessageStage()
  stage.open()
  for act in whole { stage.act(act, by: 0) }
  stage.checkOutput(of: 0)
}

private func acts(_ pieces: [ArraySlice<UInt8>]) -> [ClientWire.Act] {
  var wire = ClientWire()
  var acts: [ClientWire.Act] = []
  for piece in pieces { acts += wire.receive(piece) }
  return acts
}
