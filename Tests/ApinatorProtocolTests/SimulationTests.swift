import Foundation
import Testing

@testable import ApinatorProtocol

@Suite struct SimulationTests {
  /// How many seeds: `APINATORD_SIM_SEEDS`, as a count or as one seed `=N` to look at.
  static var seeds: Range<UInt64> {
    let text = ProcessInfo.processInfo.environment["APINATORD_SIM_SEEDS"] ?? "300"
    if text.hasPrefix("="), let seed = UInt64(text.dropFirst()) { return seed..<seed + 1 }
    return 0..<(UInt64(text) ?? 300)
  }

  private func run(_ simulation: Simulation) -> Simulation.Violation? {
    do throws(Simulation.Violation) {
      try simulation.run(trouble: .seconds(120), quiet: .seconds(400))
      return nil
    } catch {
      return error
    }
  }

  /// In four parts, which may run side by side.
  @Test(arguments: 0..<4) func wantedChannelsAreConfirmedOnceTheNetworkIsHealed(part: UInt64) {
    var steps = 0
    let seeds = SimulationTests.seeds.filter { $0 % 4 == part }
    for seed in seeds {
      let simulation = Simulation(seed: seed)
      if run(simulation) != nil {
        // Once more, the same, with a trace.
        let again = run(Simulation(seed: seed, isTraced: true))
        Issue.record("\(again.map(String.init(describing:)) ?? "seed \(seed) failed only once")")
        return
      }
      steps += simulation.steps
    }
    print("simulated \(seeds.count) seeds, \(steps) steps")
  }
}
