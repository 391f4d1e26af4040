/// A member of a presence channel.
public struct Member: Equatable, Sendable {
  /// The member's id, not empty.
  public var userID: String
  /// The member's `user_info`: the text of a JSON object, byte by byte as it came.
  public var userInfo: [UInt8]

  /// A member.
  public init(userID: String, userInfo: [UInt8]) {
    self.userID = userID
    self.userInfo = userInfo
  }
}

/// The members of a presence channel in the order they came.
public struct MemberList: Sendable {
  /// Removed members leave a hole, so that removing does not move the others.
  private var places: [Member?] = []
  private var indexByID: [ExactText: Int] = [:]

  /// Nobody.
  public init() {}

  /// How many there are.
  public var count: Int { indexByID.count }

  /// Whether there are none.
  public var isEmpty: Bool { indexByID.isEmpty }

  /// The member with that id.
  public subscript(userID: String) -> Member? { indexByID[ExactText(userID)].flatMap { places[$0] } }

  /// Adds a member, or updates the info of a known one, who keeps the place.
  public mutating func insert(_ member: Member) {
    if let index = indexByID[ExactText(member.userID)] {
      places[index] = member
    } else {
      indexByID[ExactText(member.userID)] = places.count
      places.append(member)
    }
  }

  /// Removes a member; false when there is none with that id.
  @discardableResult
  public mutating func remove(_ userID: String) -> Bool {
    guard let index = indexByID.removeValue(forKey: ExactText(userID)) else { return false }
    places[index] = nil
    if places.count > 32, places.count > 2 * indexByID.count { compact() }
    return true
  }

  private mutating func compact() {
    let kept = places.compactMap { $0 }
    places = kept
    for (index, member) in kept.enumerated() { indexByID[ExactText(member.userID)] = index }
  }
}

extension MemberList: Sequence {
  /// The members in order.
  public func makeIterator() -> some IteratorProtocol<Member> { places.lazy.compactMap { $0 }.makeIterator() }
}
