import CNghttp2
import HTTPCodec

/// A header list in the form nghttp2 takes: names in lower case (RFC 9113 §8.2), pseudo-header fields first (§8.3).
struct HeaderBlock {
  /// RFC 9113 §8.2.2: what speaks of an HTTP/1.1 connection has no place here.
  private static let connectionSpecific = [
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
  ]

  /// Names and values, one behind the other.
  private var bytes: [UInt8] = []
  private var lengths: [(name: Int, value: Int)] = []

  /// The head of a request. A `Host` in `fields` is left out: `authority` says it (RFC 9113 §8.3.1).
  init(method: String, scheme: String, authority: String, path: String, fields: HeaderFields) {
    append(":method", method)
    append(":scheme", scheme)
    append(":authority", authority)
    append(":path", path)
    append(fields, leavingOut: "host")
  }

  /// The head of a response.
  init(status: Int, fields: HeaderFields) {
    append(":status", String(status))
    append(fields, leavingOut: nil)
  }

  /// Calls `body` with the fields; they live only during the call, which is long enough for nghttp2's `submit`
  /// functions: they copy.
  func withFields<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R {
    // nghttp2 declares the bytes as mutable for the sake of applications that own them, and does not write to them.
    var copy = bytes
    return copy.withUnsafeMutableBufferPointer { storage in
      withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: lengths.count) { fields in
        guard var next = storage.baseAddress else { return body(nil, 0) }
        for (index, length) in lengths.enumerated() {
          let value = next + length.name
          fields.initializeElement(
            at: index,
            to: nghttp2_nv(
              name: next, value: value, namelen: length.name, valuelen: length.value,
              flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
          next = value + length.value
        }
        return body(UnsafePointer(fields.baseAddress), lengths.count)
      }
    }
  }

  private mutating func append(_ fields: HeaderFields, leavingOut excluded: String?) {
    for field in fields {
      let name = field.name.lowercased()
      if name == excluded || HeaderBlock.connectionSpecific.contains(name) { continue }
      append(name, field.value)
    }
  }

  private mutating func append(_ name: String, _ value: String) {
    // RFC 9113 §8.2.1: no white space around a value.
    var value = value.utf8[...]
    while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
    while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: value)
    lengths.append((name.utf8.count, value.count))
  }
}
