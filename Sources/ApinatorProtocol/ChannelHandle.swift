/// A small number that stands for a subscribed channel, for a caller's own array.
///
/// Valid from ``Session/subscribe(_:at:)`` until ``Session/unsubscribe(_:at:)``, after which it is given to another
/// channel.
public struct ChannelHandle: Hashable, Sendable {
  /// Dense from 0; a number that is free again is used before a new one.
  public let index: Int

  init(index: Int) { self.index = index }
}
