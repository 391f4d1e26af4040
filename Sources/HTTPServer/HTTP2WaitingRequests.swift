/// Requests of one HTTP/2 connection that are whole and not served yet, in the order that they are to be.
struct HTTP2WaitingRequests {
  private var requests: [(stream: HTTP2Stream, body: [UInt8])] = []
  /// What their bodies take, in bytes.
  private(set) var bodyBytes = 0

  var isEmpty: Bool { requests.isEmpty }

  mutating func append(_ stream: HTTP2Stream, body: [UInt8]) {
    requests.append((stream, body))
    bodyBytes += body.count
  }

  mutating func removeFirst() -> (stream: HTTP2Stream, body: [UInt8]) {
    let request = requests.removeFirst()
    bodyBytes -= request.body.count
    return request
  }

  /// Drops the request of stream `id`, which may have been served.
  mutating func remove(_ id: Int32) {
    guard let place = requests.firstIndex(where: { $0.stream.id == id }) else { return }
    bodyBytes -= requests.remove(at: place).body.count
  }
}
