import Bytes

/// What the daemon counts: plain numbers on the loop's thread, turned into text only when somebody asks. No label grows
/// with the number of channels.
struct Metrics {
  /// The counters of one app.
  struct App {
    var events = 0
    var deliveries = 0
    var deliveredBytes = 0
    var reconnects: [String: Int] = [:]
    var gaps: [String: Int] = [:]
    var authorizations: [String: Int] = [:]
    var clientEvents: [String: Int] = [:]
  }

  struct Answer: Hashable {
    let method: String
    let status: Int
  }

  var droppedStreams: [String: Int] = [:]
  var answers: [Answer: Int] = [:]
  var refusals: [String: Int] = [:]
  var delivery = LatencyHistogram()

  /// Methods that stand for themselves; others are one label, since clients make them up.
  private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]

  mutating func countAnswer(method: String, status: Int) {
    answers[Answer(method: Metrics.methods.contains(method) ? method : "other", status: status), default: 0] += 1
  }
}

/// How long events take from the upstream read to the socket write, in fixed buckets.
struct LatencyHistogram {
  /// Upper bounds in nanoseconds.
  static let bounds: [Int64] = [
    50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
    100_000_000, 250_000_000, 1_000_000_000,
  ]

  /// Observations by bucket, not summed up; the last is beyond every bound.
  private(set) var counts = [Int](repeating: 0, count: LatencyHistogram.bounds.count + 1)
  private(set) var sumNanoseconds: Int64 = 0
  private(set) var count = 0

  /// Notes `deliveries` that took `duration` each.
  mutating func observe(_ duration: Duration, deliveries: Int) {
    let nanoseconds = duration.wholeNanoseconds
    var bucket = 0
    while bucket < LatencyHistogram.bounds.count, nanoseconds > LatencyHistogram.bounds[bucket] { bucket += 1 }
    counts[bucket] += deliveries
    sumNanoseconds &+= nanoseconds &* Int64(deliveries)
    count += deliveries
  }
}
