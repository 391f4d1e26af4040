/// The streams that were closed last, and by whom: what a client may still say on one depends on that.
struct HTTP2ServerClosedStreams {
  /// Who ended a stream first.
  enum Ending {
    /// The client ended or reset it, and has nothing more to say on it.
    case byClient
    /// We reset it, which the client may not know yet.
    case byUs
  }

  /// How many are remembered; more than are ever open at once.
  static let countMax = 512

  private var endings: [(id: Int32, ending: Ending)] = []
  private var oldest = 0

  mutating func append(_ id: Int32, _ ending: Ending) {
    guard endings.count == HTTP2ServerClosedStreams.countMax else {
      endings.append((id, ending))
      return
    }
    endings[oldest] = (id, ending)
    oldest = (oldest + 1) % HTTP2ServerClosedStreams.countMax
  }

  /// Nil when the stream never was, or is long forgotten.
  func ending(of id: Int32) -> Ending? { endings.last { $0.id == id }?.ending }
}
