import Testing

@testable import BridgeClient

@Suite struct LineSplitterTests {
  private static let text = [UInt8]("one\n\n{\"a\":1}\r\nlast".utf8)

  @Test func linesAreCutAtEverySplitPoint() {
    let wanted = ["one", "", "{\"a\":1}\r"]
    for cut in 0...Self.text.count {
      var splitter = LineSplitter()
      let lines = splitter.receive([UInt8](Self.text[..<cut])) + splitter.receive([UInt8](Self.text[cut...]))
      #expect(lines.map { String(decoding: $0, as: UTF8.self) } == wanted, "cut at \(cut)")
      #expect(splitter.pendingBytes == 4)
    }
  }

  @Test func linesAreCutByteByByte() {
    var splitter = LineSplitter()
    let lines = Self.text.flatMap { splitter.receive([$0]) }
    #expect(lines.map(\.count) == [3, 0, 8])
  }
}
