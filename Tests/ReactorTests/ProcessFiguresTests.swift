import Glibc
import Testing

@testable import Reactor

@Suite struct ProcessFiguresTests {
  @Test func thereIsSomethingToSayOfThisProcess() {
    let figures = ProcessFigures()
    #expect(figures.cpuNanoseconds > 0)
    #expect(figures.virtualBytes >= figures.residentBytes && figures.residentBytes > 0)
    #expect(figures.openDescriptors > 0 && figures.openDescriptors <= figures.maxDescriptors)
    let now = Int64(WallClock.unixNanoseconds())
    #expect(figures.startUnixNanoseconds <= now && figures.startUnixNanoseconds > now - 24 * 3_600_000_000_000)
  }

  /// proc_pid_stat(5), of a process on a machine that had been up for `ticks` by then.
  private func stat(command: String = "apinatord", ticks: Int64) -> String {
    let between = (4...21).map { _ in "0" }.joined(separator: " ")
    return "7 (\(command)) S \(between) \(ticks) 1048576 100"
  }

  @Test func aProcessMayStartLongAfterTheMachine() {
    for seconds: Int64 in [0, 1, 3 * 365 * 86_400, 100 * 365 * 86_400] {
      let started = ProcessFigures.startNanoseconds(stat: stat(ticks: seconds * 100 + 7), ticksPerSecond: 100)
      #expect(started == seconds * 1_000_000_000 + 70_000_000)
    }
  }

  @Test func aCommandMayHaveAnyName() {
    let text = stat(command: "a) S 1 2 (b", ticks: 12)
    #expect(ProcessFigures.startNanoseconds(stat: text, ticksPerSecond: 1) == 12_000_000_000)
    #expect(ProcessFigures.startNanoseconds(stat: "", ticksPerSecond: 100) == nil)
  }
}
