import Bytes

/// What one app's readers have to be told: every event that was published on its channels, in the order in which the
/// upstream told it to the daemon, and the ids that it was seen under.
final class Chronicle {
  /// Whether the daemon has got an event.
  enum Fate {
    /// It read the event from a connection that lived on.
    case told
    /// It may have: the connection ended in the same moment.
    case maybe
    /// It was published while the channel was not subscribed.
    case missed
    /// It was longer than `max_event_bytes`.
    case tooLarge

    /// Whether no reader can ever be shown it.
    var isLost: Bool { self == .missed || self == .tooLarge }
  }

  struct Entry {
    let channel: String
    /// As delivered.
    let name: String
    let signature: String
    var fate: Fate
    var id: ID?
    let isApplication: Bool
    /// When it was published.
    let time: Instant
  }

  /// An event id, which is opaque to readers, but not to us.
  struct ID: Hashable, Comparable, CustomStringConvertible {
    let epoch: UInt64
    let sequence: UInt64

    init?(_ text: String) {
      let parts = text.split(separator: "-", omittingEmptySubsequences: false)
      guard parts.count == 2, let epoch = UInt64(parts[0], radix: 16), let sequence = UInt64(parts[1]) else {
        return nil
      }
      self.epoch = epoch
      self.sequence = sequence
    }

    static func < (left: ID, right: ID) -> Bool { (left.epoch, left.sequence) < (right.epoch, right.sequence) }
    var description: String { String(epoch, radix: 16) + "-\(sequence)" }
  }

  private(set) var entries: [Entry] = []
  private var bySignature: [String: [Int]] = [:]
  private var byID: [ID: Int] = [:]
  /// What every other id was seen with.
  private var others: [ID: String] = [:]
  /// The newest id that there was when everything had come to rest, with so many entries.
  private var rests: [(count: Int, newest: ID)] = []

  var count: Int { entries.count }

  func append(channel: String, name: String, payload: [UInt8], fate: Fate, isApplication: Bool = true, at time: Instant)
  {
    let signature = Chronicle.signature(name, payload)
    bySignature[signature, default: []].append(entries.count)
    entries.append(
      Entry(
        channel: channel, name: name, signature: signature, fate: fate, id: nil, isApplication: isApplication,
        time: time))
  }

  /// Everything has come to rest: what is told later has a later id than `newest`.
  func rest(newest: ID) {
    if let last = rests.last, last.newest == newest, last.count == count { return }
    rests.append((count, newest))
  }

  /// The newest id before an entry was told.
  private func newestID(before index: Int) -> ID? { rests.last { $0.count <= index }?.newest }

  /// The newest id after it was told.
  private func newestID(after index: Int) -> ID? { rests.first { $0.count > index }?.newest }

  /// Whether an entry that may have no id that we know can have been told before the event `id`.
  func mayPrecede(_ index: Int, _ id: ID) -> Bool {
    if let known = entries[index].id { return known <= id }
    return newestID(before: index).map { $0 < id } ?? true
  }

  func setFate(_ fate: Fate, of index: Int) { entries[index].fate = fate }

  /// Name and payload with every run of white space as one space, which is what all wire forms agree on.
  static func signature(_ name: String, _ payload: [UInt8]) -> String {
    var text: [UInt8] = []
    for byte in payload {
      let isSpace = byte == 0x0A || byte == 0x0D || byte == 0x20
      if !isSpace { text.append(byte) } else if text.last != 0x20 { text.append(0x20) }
    }
    return name + "\u{1}" + String(decoding: text, as: UTF8.self)
  }

  /// Which entry a reader was shown under `id`: the one that has the id, else the first from `cursor` on that may have
  /// it, else any.
  func index(of id: ID, signature: String, from cursor: Int) throws(Malformed) -> Int {
    if let known = byID[id] {
      guard entries[known].signature == signature else {
        throw Malformed(text: "\(id) was \(entries[known].signature.prefix(80)), and now is \(signature.prefix(80))")
      }
      return known
    }
    guard others[id] == nil else { throw Malformed(text: "\(id) is of two events") }
    let found = bySignature[signature] ?? []
    let ordered = found.filter { $0 >= cursor } + found.filter { $0 < cursor }.reversed()
    for index in ordered where entries[index].id == nil && !entries[index].fate.isLost {
      guard isInOrder(id, at: index) else { continue }
      entries[index].id = id
      byID[id] = index
      return index
    }
    throw Malformed(text: "\(id) was never published so, or not in this order: \(signature.prefix(300))")
  }

  /// Ids grow along with what upstream told.
  private func isInOrder(_ id: ID, at index: Int) -> Bool {
    if let before = newestID(before: index), id <= before { return false }
    if let after = newestID(after: index), id > after { return false }
    var before = index - 1
    while before >= 0, entries[before].id == nil { before -= 1 }
    if before >= 0, let known = entries[before].id, known >= id { return false }
    var after = index + 1
    while after < entries.count, entries[after].id == nil { after += 1 }
    if after < entries.count, let known = entries[after].id, known <= id { return false }
    return true
  }

  /// Notes an event that is none of the published ones.
  func note(other id: ID, signature: String) throws(Malformed) {
    guard byID[id] == nil else { throw Malformed(text: "\(id) is of two events: \(signature.prefix(80))") }
    if let known = others.updateValue(signature, forKey: id), known != signature {
      throw Malformed(text: "\(id) was \(known.prefix(80)), and now is \(signature.prefix(80))")
    }
  }

  func isPublished(_ signature: String) -> Bool { bySignature[signature] != nil }

  /// The last application event of a channel that the daemon knows.
  func lastApplication(of channel: String, before index: Int) -> Int? {
    entries[..<index].lastIndex { $0.channel == channel && $0.isApplication && $0.fate == .told }
  }
}
