import Bytes
import WebSocketCodec

extension Upstream {
  /// A client's connection as the server sees it.
  final class Connection {
    let descriptor: Int32
    let number: Int
    var isUpgraded = false
    var isEstablished = false
    /// Nothing is read or written any more, and nobody is told.
    var isFrozen = false
    /// How it takes the client's opening handshake.
    let mood: Mood
    var subscribed: Set<String> = []
    /// Channels whose answer is on its way.
    var asked: Set<String> = []
    var isOver = false
    var input = ByteQueue()
    var head: [UInt8] = []
    var decoder = WebSocketDecoder(role: .server, messageBytesMax: 1 << 20)
    /// Frames on their way, with the entries of the chronicle that they tell.
    var output: [UInt8] = []
    /// Entries told in this step: certain only when the connection outlives it.
    var fresh: [Int] = []
    /// Subscriptions confirmed in this step, likewise.
    var freshConfirmations: [(channel: String, index: Int)] = []

    init(descriptor: Int32, number: Int, mood: Mood) {
      self.descriptor = descriptor
      self.number = number
      self.mood = mood
    }

    var socketID: String { "\(number).7" }
  }

  /// How a server takes a connection.
  enum Mood { case good, refuses, garbage, closes, silent, speechless }
}
