import Bytes
import Glibc
import Reactor

/// Runs the daemon with everything around it from seeds, and says which of them fail.
///
/// `BridgeSimulation [--seeds N] [--first SEED] [--rounds N]`; with `SEED=n` in the environment that one alone, with a
/// trace of everything.
@main
struct Simulation {
  var seeds: UInt64 = 40
  var first: UInt64 = 0
  var rounds = 250

  static func main() {
    // The order of a dictionary depends on the process unless this says otherwise.
    if getenv("SWIFT_DETERMINISTIC_HASHING") == nil {
      setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
      execv("/proc/self/exe", CommandLine.unsafeArgv)
      fatalError("cannot start again")
    }
    signal(SIGPIPE, SIG_IGN)
    Descriptors.setMax(Descriptors.normalMax)
    var simulation = Simulation()
    var words = CommandLine.arguments.dropFirst()
    while let word = words.popFirst() {
      guard let value = words.popFirst().flatMap({ UInt64($0) }) else { usage() }
      switch word {
      case "--seeds": simulation.seeds = value
      case "--first": simulation.first = value
      case "--rounds": simulation.rounds = Int(value)
      default: usage()
      }
    }
    let folder = Scratch.make()
    var status: Int32 = 0
    if let text = getenv("SEED"), let seed = UInt64(String(cString: text)) {
      if simulation.run(seed, folder, isTraced: true) == nil { status = 1 }
    } else {
      status = simulation.runAll(folder) ? 0 : 1
    }
    Scratch.remove(folder)
    exit(status)
  }

  private static func usage() -> Never {
    print("usage: BridgeSimulation [--seeds N] [--first SEED] [--rounds N]")
    exit(64)
  }

  /// What must come about in many runs: a simulation proves nothing about what never happens in it.
  private static let mustHappen = [
    "attempt", "clock back", "clock forward", "crash", "exhaustion", "freeze", "gap evicted", "gap slow_consumer",
    "gap too_large", "gap unknown_id", "gap upstream_reconnect", "refused 401", "refused 403", "refused 404",
    "refused 503", "resume", "stop", "too large", "windows shut",
  ]

  private func runAll(_ folder: String) -> Bool {
    var steps = 0
    var counts: [String: Int] = [:]
    var total: UInt64 = 0
    var failed: [UInt64] = []
    for seed in first..<(first + seeds) {
      guard let world = run(seed, folder, isTraced: false) else {
        failed.append(seed)
        continue
      }
      steps += world.steps
      counts.merge(world.counts, uniquingKeysWith: +)
      total = total &* 31 &+ world.trace.hash
      // The same seed has to be the same run: else a failure could not be played again.
      if seed == first {
        guard let again = run(seed, folder, isTraced: false) else { return false }
        guard again.trace.hash == world.trace.hash else {
          print("seed \(seed) is not the same run twice: \(world.trace.hash) and \(again.trace.hash)")
          return false
        }
      }
    }
    let summary = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    print("simulated \(seeds) seeds from \(first) on, \(steps) steps, trace \(String(total, radix: 16)): \(summary)")
    if !failed.isEmpty { print("\(failed.count) of them failed: \(failed.map(String.init).joined(separator: ", "))") }
    let never = seeds >= 40 ? Simulation.mustHappen.filter { counts[$0] == nil } : []
    if !never.isEmpty { print("never happened: \(never.joined(separator: ", "))") }
    return failed.isEmpty && never.isEmpty
  }

  private func run(_ seed: UInt64, _ folder: String, isTraced: Bool) -> World? {
    do {
      let world = try World(seed: seed, folder: folder, isTraced: isTraced)
      defer { world.tearDown() }
      do {
        try world.run(rounds: rounds)
      } catch {
        if !isTraced { print(world.trace.lines.suffix(60).joined(separator: "\n")) }
        print("seed \(seed), step \(world.steps), \(world.clock.now.nanoseconds / 1_000_000) ms: \(error)")
        print("again, with a trace of everything: SEED=\(seed) \(CommandLine.arguments[0]) --rounds \(rounds)")
        return nil
      }
      if isTraced { print("seed \(seed): \(world.steps) steps, trace \(String(world.trace.hash, radix: 16))") }
      return world
    } catch {
      print("seed \(seed): \(error)")
      return nil
    }
  }
}
