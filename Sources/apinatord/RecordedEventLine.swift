/// A line of a recording.
struct RecordedEventLine {
  /// Its end included.
  let bytes: [UInt8]

  /// The line for `event`, which came at `time`; nil for what tells only of the recorder's own connection.
  init?(_ event: TailedEvent, at time: Timestamp) {
    guard event.name == "bridge:gap" || !event.name.hasPrefix("bridge:"), event.name != "state_change" else {
      return nil
    }
    var line = [UInt8]("{\"at\":\"\(time.rfc3339)\"".utf8)
    for name in ["app", "channel", "event", "id", "data"] {
      guard let value = event.spelling(of: name) else { continue }
      line += ",\"\(name)\":".utf8
      line += value
    }
    bytes = line + "}\n".utf8
  }
}
