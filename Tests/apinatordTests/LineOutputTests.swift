import Glibc
import Testing

@testable import apinatord

/// What a pipe holds that is read only when the test does.
@Suite final class LineOutputTests {
  private let reading: Int32
  private let writing: Int32
  private let output: LineOutput

  init() throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    (reading, writing) = (ends[0], ends[1])
    output = LineOutput(descriptor: writing)
  }

  deinit {
    close(reading)
    close(writing)
  }

  private func write(_ text: String) {
    output.write(Array("\(text)\n".utf8)) { Array("\($0) lost\n".utf8) }
  }

  private func read() -> String {
    var bytes = [UInt8](repeating: 0, count: 100_000)
    let count = Glibc.read(reading, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  @Test func whatIsReadIsAllThere() {
    for number in 0..<100 {
      write("line \(number)")
      #expect(read() == "line \(number)\n")
    }
  }

  @Test func whoDoesNotReadIsNotWaitedForAndToldWhatIsLost() {
    let line = String(repeating: "x", count: 999)
    for _ in 0..<100 { write(line) }
    let kept = read().split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(!kept.isEmpty && kept.allSatisfy { $0 == line })
    write("again")
    #expect(read() == "\(100 - kept.count) lost\nagain\n")
    write("and again")
    #expect(read() == "and again\n")
  }

  @Test func whatAFullDiskDoesNotTakeIsToldOnceItDoes() throws {
    let descriptor = open("/dev/full", O_WRONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let output = LineOutput(descriptor: descriptor)
    func write() { output.write(Array("line\n".utf8)) { Array("\($0) lost\n".utf8) } }
    for _ in 0..<3 { write() }
    try #require(dup2(writing, descriptor) == descriptor)
    write()
    #expect(read() == "3 lost\nline\n")
  }

  @Test func aLineThatWasCutEndsBeforeTheNext() {
    write(String(repeating: "x", count: 100_000))
    let cut = read()
    #expect(!cut.isEmpty && cut.allSatisfy { $0 == "x" })
    write("again")
    #expect(read() == "\n1 lost\nagain\n")
  }
}
