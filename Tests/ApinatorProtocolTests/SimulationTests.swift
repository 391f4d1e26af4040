import Foundation
import Testing

@testable import ApinatorProtocol

@Suite struct SimulationTests {
  private static let partCount: UInt64 = 4

  /// Which seeds: `APINATORD_SIM_SEEDS` says how many, `APINATORD_SIM_FIRST` from which on.
  private static var seeds: Range<UInt64> {
    let environment = ProcessInfo.processInfo.environment
    let first = environment["APINATORD_SIM_FIRST"].flatMap(UInt64.init) ?? 0
    let count = environment["APINATORD_SIM_SEEDS"].flatMap(UInt64.init) ?? 300
    return first..<first + count
  }

  private func run(_ simulation: Simulation) -> Simulation.Violation? {
    do throws(Simulation.Violation) {
      try simulation.run(trouble: .seconds(120), quiet: .seconds(400))
      return nil
    } catch {
      return error
    }
  }

  /// In parts, which may run side by side.
  @Test(arguments: 0..<partCount) func wantedChannelsAreConfirmedOnceTheNetworkIsHealed(part: UInt64) async {
    var steps = 0
    var counts: [String: Int] = [:]
    var waits: [Simulation.Wait] = []
    let seeds = SimulationTests.seeds.filter { $0 % SimulationTests.partCount == part }
    for seed in seeds {
      let simulation = Simulation(seed: seed)
      if run(simulation) != nil {
        // Once more, the same, with a trace.
        let again = run(Simulation(seed: seed, isTraced: true))
        Issue.record("\(again.map(String.init(describing:)) ?? "seed \(seed) failed only once")")
        return
      }
      steps += simulation.steps
      counts.merge(simulation.counts, uniquingKeysWith: +)
      waits += simulation.waits
      // Other tests have time limits, and there may be few threads.
      await Task.yield()
    }
    let summary = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    print("simulated \(seeds.count) seeds, \(steps) steps, \(waits.count) waits: \(summary)")
    guard seeds.count >= 50 else { return }
    checkSpread(waits.map(\.fraction))
    // A server that accepts and then drops must not make the waits short again.
    let later = waits.filter { $0.followsShortConnection && $0.bound > .seconds(1) }
    #expect(later.contains { $0.fraction > 0.5 }, "none of \(later.count) waits after short connections is long")
    for name in SimulationTests.mustHappen { #expect(counts[name] ?? 0 > 0, "\(name) never happened") }
  }

  private static let mustHappen =
    LossReason.allCases.map(\.rawValue) + SessionState.allCases.map { "\($0)" }.filter { $0 != "initialized" } + [
      "at once", "fatal", "gap", "local realtime:subscription_error", "local realtime:member_added",
      "local realtime:member_removed", "malformed establishment", "malformed frame",
      "member event dropped", "repeated establishment", "stale authorization", "subscription unanswered",
      "unexpected answer",
    ]

  /// Full jitter: the waits lie anywhere below their bound, by and large a quarter of them in each quarter.
  private func checkSpread(_ fractions: [Double]) {
    let quarters = Dictionary(grouping: fractions) { min(Int($0 * 4), 3) }.mapValues(\.count)
    for quarter in 0..<4 {
      let share = Double(quarters[quarter] ?? 0) / Double(fractions.count)
      #expect(share > 0.15 && share < 0.35, "\(share) of \(fractions.count) waits in quarter \(quarter)")
    }
  }
}
