import Foundation
import HTTPCodec

/// A request that has to be refused, and the clause it violates. The end-to-end tests send the same ones to the daemon.
struct Abuse: Decodable, CustomStringConvertible, Sendable {
  /// Limits small enough for the vectors that go beyond them.
  static let limits = RequestLimits(headBytesMax: 1024, bodyBytesMax: 32)

  let clause: String
  let name: String
  let status: Int
  /// The name of a ``MessageFault``.
  let fault: String
  /// Heads and bodies that come out before the refusal.
  let before: Int
  /// The bytes, a character each.
  let text: String

  var bytes: [UInt8] { latin1(text) }
  var description: String { "\(clause) \(name)" }

  static func all() throws -> [Abuse] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try JSONDecoder().decode(
      [Abuse].self, from: Data(contentsOf: tests.appending(path: "Vectors/http1-abuse.json")))
  }
}
