/// One entry of the journal: fields of the form `NAME=value` (systemd.journal-fields(7)).
public struct JournalEntry {
  private var bytes: [UInt8] = []
  /// Where each field ends in ``bytes``.
  private var ends: [Int] = []

  /// journald ignores fields with longer names.
  static let nameBytesMax = 64

  /// - Parameters:
  ///   - message: what people read; it may have several lines.
  ///   - priority: of syslog(3), from 7, debug, to 0.
  ///   - identifier: the program's name, as `journalctl -t` takes it.
  ///   - logger: which part of the program speaks.
  public init(message: String, priority: Int, identifier: String, logger: String) {
    appendField("MESSAGE", message)
    appendField("PRIORITY", String(priority))
    appendField("SYSLOG_IDENTIFIER", identifier)
    appendField("LOGGER", logger)
  }

  /// Adds a field: `key` in capitals, what a name cannot have as `_`, and a `_` at the end of one that has a meaning of
  /// its own. A value may be anything.
  public mutating func append(_ key: String, _ value: String) { appendField(Self.fieldName(key), value) }

  /// The fields as they are sent.
  public var fields: [[UInt8]] {
    ends.indices.map { Array(bytes[($0 == 0 ? 0 : ends[$0 - 1])..<ends[$0]]) }
  }

  /// The entry as the journal takes it (systemd's Native Journal Protocol): a line for each field, or, where its value
  /// has several, the name, the value's length in 8 bytes, the lowest first, and the value.
  var datagram: [UInt8] {
    var datagram: [UInt8] = []
    datagram.reserveCapacity(bytes.count + ends.count)
    for field in fields {
      if field.contains(UInt8(ascii: "\n")), let equals = field.firstIndex(of: UInt8(ascii: "=")) {
        let value = field[(equals + 1)...]
        datagram += field[..<equals]
        datagram.append(UInt8(ascii: "\n"))
        withUnsafeBytes(of: UInt64(value.count).littleEndian) { datagram.append(contentsOf: $0) }
        datagram += value
      } else {
        datagram += field
      }
      datagram.append(UInt8(ascii: "\n"))
    }
    return datagram
  }

  private mutating func appendField(_ name: String, _ value: String) {
    bytes.append(contentsOf: name.utf8)
    bytes.append(UInt8(ascii: "="))
    bytes.append(contentsOf: value.utf8)
    ends.append(bytes.count)
  }

  /// A name has capitals, digits and underscores, and begins with a letter: an underscore is for what journald itself
  /// vouches for.
  static func fieldName(_ key: String) -> String {
    var name: [UInt8] = []
    for scalar in key.unicodeScalars.prefix(nameBytesMax) {
      switch scalar {
      case "A"..."Z", "0"..."9", "_": name.append(UInt8(truncatingIfNeeded: scalar.value))
      case "a"..."z": name.append(UInt8(truncatingIfNeeded: scalar.value) - 32)
      default: name.append(UInt8(ascii: "_"))
      }
    }
    let letters = UInt8(ascii: "A")...UInt8(ascii: "Z")
    if !letters.contains(name.first ?? 0) { name.insert(UInt8(ascii: "X"), at: 0) }
    let text = String(decoding: name.prefix(nameBytesMax), as: UTF8.self)
    guard reserved.contains(text) else { return text }
    return text + "_"
  }

  /// What journalctl and others take for something else than a detail of ours.
  private static let reserved: Set<String> = [
    "MESSAGE", "MESSAGE_ID", "PRIORITY", "ERRNO", "CODE_FILE", "CODE_FUNC", "CODE_LINE", "SYSLOG_FACILITY",
    "SYSLOG_IDENTIFIER", "SYSLOG_PID", "SYSLOG_RAW", "SYSLOG_TIMESTAMP", "TID", "UNIT", "USER_UNIT", "COREDUMP_UNIT",
    "COREDUMP_USER_UNIT", "OBJECT_PID", "DOCUMENTATION", "INVOCATION_ID", "LOGGER",
  ]
}
