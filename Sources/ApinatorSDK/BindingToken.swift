import ApinatorProtocol
import Synchronization

/// Tells one binding from another, since closures have no identity: give one to `bind`, and later to `unbind`.
///
/// One token may name several bindings, which are then unbound together.
public struct BindingToken: Sendable, Hashable {
  private final class Identity: Sendable {}

  private let identity = Identity()

  /// A token that is unlike any other.
  public init() {}

  /// Whether both are the same token.
  public static func == (left: BindingToken, right: BindingToken) -> Bool { left.identity === right.identity }

  /// Hashes the identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(identity)) }
}

/// What is called for an event.
///
/// It runs on a thread of the client's own, or where ``RealtimeOptions/deliver`` says, one after the other in the order
/// of events. It may call back into the client. What it throws is logged and goes no further.
public typealias EventCallback = @Sendable (Event) throws -> Void

/// A callback that is bound, and whether it still is.
final class Binding: Sendable {
  let token: BindingToken?
  private let callback: EventCallback
  private let isBound = Atomic(true)

  init(token: BindingToken?, callback: @escaping EventCallback) {
    self.token = token
    self.callback = callback
  }

  /// Once unbound it is not called any more, not even for an event that is on its way.
  func unbind() { isBound.store(false, ordering: .releasing) }

  /// Returns what the callback threw.
  func call(_ event: Event) -> (any Error)? {
    guard isBound.load(ordering: .acquiring) else { return nil }
    do {
      try callback(event)
      return nil
    } catch {
      return error
    }
  }
}

/// The bindings of a channel, or of all, by the event's name. What is removed is returned, to be released outside of
/// any lock: a callback may own objects that call back when they go.
struct BindingTable {
  private var bindings: [ExactText: [Binding]] = [:]

  var isEmpty: Bool { bindings.isEmpty }

  subscript(_ event: String) -> [Binding] { bindings[ExactText(event)] ?? [] }

  mutating func insert(_ binding: Binding, for event: String) {
    bindings[ExactText(event), default: []].append(binding)
  }

  mutating func remove(_ event: String) -> [Binding] { bindings.removeValue(forKey: ExactText(event)) ?? [] }

  mutating func remove(_ event: String, _ token: BindingToken) -> [Binding] { remove(ExactText(event), token) }

  private mutating func remove(_ event: ExactText, _ token: BindingToken) -> [Binding] {
    guard let all = bindings[event] else { return [] }
    let kept = all.filter { $0.token != token }
    bindings[event] = kept.isEmpty ? nil : kept
    return all.filter { $0.token == token }
  }

  mutating func remove(_ token: BindingToken) -> [Binding] {
    Array(bindings.keys).flatMap { remove($0, token) }
  }

  mutating func removeAll() -> [Binding] {
    let all = bindings.values.flatMap { $0 }
    bindings = [:]
    return all
  }
}
