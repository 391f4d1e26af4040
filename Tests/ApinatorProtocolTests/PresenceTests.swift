import Bytes
import Testing

@testable import ApinatorProtocol

@Suite struct PresenceTests {
  let talk = Conversation()
  let room = "presence-room"

  init() {
    talk.establish()
    talk.subscribe(room)
    authorize()
    _ = talk.take()
  }

  func authorize(_ identity: String = #"{"user_id":"me","user_info":{"n":1.50}}"#) {
    for request in talk.take().requests { talk.authorize(request.id, identity) }
  }

  var channel: SessionChannel? { talk.channel(named: room) }
  var ids: [String] { channel.map { $0.members.map(\.userID) } ?? [] }

  func snapshot(_ ids: [String], hash: [String]? = nil) -> String {
    let quoted = ids.map { "\"\($0)\"" }.joined(separator: ",")
    let infos = (hash ?? ids).map { #""\#($0)":{"id": "\#($0)"}"# }.joined(separator: ",")
    return #"{"presence":{"count":99,"ids":[\#(quoted)],"hash":{\#(infos)}}}"#
  }

  func info(_ id: String) -> [UInt8] { [UInt8](#"{"id": "\#(id)"}"#.utf8) }

  func reconnect(_ identity: String = #"{"user_id":"me","user_info":{"n":1.50}}"#) {
    talk.close(nil)
    talk.advanceToAttempt()
    talk.establish(socketID: "2.2")
    authorize(identity)
    _ = talk.take()
  }

  @Test func startsEmpty() {
    #expect(channel?.kind.isPresence == true)
    #expect(ids == [])
    #expect(channel?.me == nil)
  }

  @Test func snapshotFillsMembersMeFromAuth() {
    #expect(channel?.me == nil, "nil before succeeded")
    talk.confirm(room, data: snapshot(["a", "me"]))
    #expect(ids == ["a", "me"])
    #expect(channel?.members["a"]?.userInfo == info("a"), "byte by byte")
    #expect(channel?.members["unknown"] == nil)
    #expect(channel?.me == Member(userID: "me", userInfo: [UInt8](#"{"n":1.50}"#.utf8)))
    #expect(talk.take() == [.confirmed(channel: room, isResubscription: false)])
  }

  @Test func countIsTheNumberOfMembersWhateverTheFieldSays() {
    talk.confirm(room, data: snapshot(["a", "b", "a"]))
    #expect(channel?.members.count == 2)
  }

  @Test func anIDMissingFromTheHashIsNoMember() {
    talk.confirm(room, data: snapshot(["a", "b", "c"], hash: ["c", "a", "x"]))
    #expect(ids == ["a", "c"])
  }

  @Test(arguments: [
    (#"["a",5,"","c"]"#, 2), (#"["b","a","d"]"#, 2), (#"["a","absent"]"#, 0), (#"["e",null,["a"],{"a":1},"a"]"#, 4),
  ])
  func malformedMembersAreLeftOutWithAReport(ids: String, leftOut: Int) {
    let hash = #"{"a":{},"b":null,"c":{"n":1},"d":"x","e":[],"5":{},"":{}}"#
    talk.confirm(room, data: #"{"presence":{"count":1,"ids":\#(ids),"hash":\#(hash)}}"#)
    #expect(self.ids.contains("a"))
    #expect(Set(self.ids).isSubset(of: ["a", "c"]))
    #expect(talk.take().reports == (leftOut > 0 ? [.malformedMembers(channel: room, count: leftOut)] : []))
  }

  @Test(arguments: [nil, "", "{}", #"{"other":1}"#]) func worksWithNoData(data: String?) {
    talk.receive("realtime:subscription_succeeded", channel: room, data: data)
    #expect(channel?.isSubscribed == true)
    #expect(ids == [])
    #expect(talk.take().reports == [])
  }

  @Test(arguments: [
    "x", "[]", "5", #"{"presence":null}"#, #"{"presence":[]}"#, #"{"presence":{}}"#, #"{"presence":{"ids":{}}}"#,
    #"{"presence":{"ids":"a","hash":{"a":{}}}}"#, #"{"presence":{"ids":["a"]}}"#,
    #"{"presence":{"ids":["a"],"hash":[]}}"#, #"{"presence":{"ids":["a"],"hash":["a"]}}"#,
    #"{"presence":{"ids":["a"],"hash":null}}"#, #"{"presence":{"ids":["a"],"hash":5}}"#,
    #"{"presence":{"ids":["a"],"hash":{"a":{}}}"#,
  ])
  func malformedPresenceDataIgnored(data: String) {
    talk.confirm(room, data: data)
    #expect(channel?.isSubscribed == true)
    #expect(channel?.me?.userID == "me")
    #expect(ids == [])
    #expect(talk.take().reports == [.malformedSnapshot(channel: room)])
  }

  @Test func memberAddedAndRemovedUpdateAndAreDelivered() {
    talk.confirm(room, data: snapshot(["a"]))
    _ = talk.take()
    let added = talk.receive("realtime:member_added", channel: room, data: #"{"user_id":"b","user_info":{"x":1}}"#)
    #expect(added.kind == .memberAdded)
    #expect(ids == ["a", "b"])
    let removed = talk.receive("realtime:member_removed", channel: room, data: #"{"user_id":"a"}"#)
    #expect(removed.kind == .memberRemoved)
    #expect(removed.handle == talk.handle(of: room))
    #expect(ids == ["b"])
    #expect(talk.take() == [])
  }

  @Test func memberAddedOfAKnownIDUpdatesTheInfo() {
    talk.confirm(room, data: snapshot(["a", "b"]))
    talk.receive("realtime:member_added", channel: room, data: #"{"user_id":"a","user_info":{"x":2}}"#)
    #expect(ids == ["a", "b"])
    #expect(channel?.members["a"]?.userInfo == [UInt8](#"{"x":2}"#.utf8))
  }

  @Test(arguments: [nil, "", "x", "null", "[]", "{}", #"{"user_id":""}"#, #"{"user_id":5,"user_info":{}}"#])
  func malformedMemberEventsAreDroppedWithAReport(data: String?) {
    talk.confirm(room, data: snapshot(["a"]))
    _ = talk.take()
    for event in ["realtime:member_added", "realtime:member_removed"] {
      #expect(talk.receive(event, channel: room, data: data) == .dropped(.memberEvent))
      #expect(talk.take() == [.report(.memberEventDropped(channel: room))])
    }
    #expect(ids == ["a"])
  }

  @Test func memberEventsElsewhereAreDropped() {
    talk.subscribe("news")
    talk.confirm("news")
    let data = #"{"user_id":"b","user_info":{}}"#
    #expect(talk.receive("realtime:member_added", channel: "news", data: data) == .dropped(.memberEvent))
    #expect(talk.receive("realtime:member_added", channel: room, data: data) == .dropped(.memberEvent))
    #expect(talk.receive("realtime:member_added", channel: "unknown", data: data) == .dropped(.memberEvent))
    #expect(talk.receive("realtime:member_added", data: data) == .dropped(.memberEvent))
    #expect(ids == [])
  }

  @Test func membersAndMeAreClearedOnEveryLoss() {
    talk.confirm(room, data: snapshot(["a", "me"]))
    talk.close(nil)
    #expect(ids == [])
    #expect(channel?.me == nil)
  }

  @Test func meRefreshedOnReconnect() {
    talk.confirm(room, data: snapshot(["me"]))
    reconnect(#"{"user_id":"other","user_info":{"v":2}}"#)
    #expect(channel?.me == nil)
    talk.confirm(room, data: snapshot(["other"]))
    #expect(channel?.me == Member(userID: "other", userInfo: [UInt8](#"{"v":2}"#.utf8)))
  }

  @Test func aResubscriptionDropsStaleMembersAndSaysWhoCameAndLeft() {
    talk.confirm(room, data: snapshot(["a", "b", "me"]))
    talk.receive("realtime:member_added", channel: room, data: #"{"user_id":"c","user_info":{}}"#)
    reconnect()
    talk.confirm(room, data: snapshot(["d", "b", "me"]))
    #expect(ids == ["d", "b", "me"])
    let actions = talk.take()
    #expect(actions.first == .confirmed(channel: room, isResubscription: true))
    #expect(
      actions.local == [
        #"realtime:member_removed presence-room {"user_id":"a"}"#,
        #"realtime:member_removed presence-room {"user_id":"c"}"#,
        #"realtime:member_added presence-room {"user_id":"d","user_info":{"id": "d"}}"#,
      ], "those that stayed do not flap")
    #expect(ReceivedKind.subscriptionSucceeded.followsActions)
  }

  @Test func whoCameAndLeftIsRememberedAcrossSeveralLosses() {
    talk.confirm(room, data: snapshot(["a", "me"]))
    reconnect()
    reconnect()
    talk.receive("realtime:subscription_error", channel: room)
    talk.advance(.seconds(3))
    authorize()
    _ = talk.take()
    talk.confirm(room, data: snapshot(["me"]))
    #expect(talk.take().local == [#"realtime:member_removed presence-room {"user_id":"a"}"#])
  }

  @Test func aMalformedSnapshotAfterALossMakesNobodyLeave() {
    talk.confirm(room, data: snapshot(["a", "me"]))
    reconnect()
    talk.confirm(room, data: "x")
    #expect(talk.take().local == [])
    reconnect()
    talk.confirm(room, data: snapshot(["a", "me"]))
    #expect(talk.take().local == [])
  }

  @Test func anUnsubscribedChannelForgetsItsMembers() {
    talk.confirm(room, data: snapshot(["a", "me"]))
    talk.unsubscribe(room)
    talk.subscribe(room)
    authorize()
    _ = talk.take()
    talk.confirm(room, data: snapshot(["b"]))
    #expect(talk.take() == [.confirmed(channel: room, isResubscription: false)])
  }

  @Test func theSnapshotIsMadeFromThePresentMembers() throws {
    let handle = try #require(talk.handle(of: room))
    talk.confirm(room, data: #"{"presence":{"ids":["a\"","b"],"hash":{"a\"":{"big":1E400},"b":{}}}}"#)
    func text() -> String { String(decoding: talk.session.presenceSnapshot(of: handle), as: UTF8.self) }
    #expect(text() == #"{"presence":{"count":2,"ids":["a\"","b"],"hash":{"a\"":{"big":1E400},"b":{}}}}"#)
    talk.receive("realtime:member_removed", channel: room, data: #"{"user_id":"b"}"#)
    #expect(text() == #"{"presence":{"count":1,"ids":["a\""],"hash":{"a\"":{"big":1E400}}}}"#)
    talk.close(nil)
    #expect(text() == #"{"presence":{"count":0,"ids":[],"hash":{}}}"#)
    let news = talk.subscribe("news")
    let snapshot = talk.session.presenceSnapshot(of: news)
    #expect(snapshot == [UInt8]("{}".utf8))
  }

  @Test func aSecondConfirmationBringsANewSnapshot() {
    let talk = Conversation()
    talk.establish()
    let handle = talk.subscribe(room)
    talk.authorize(1, #"{"user_id":"me","user_info":{}}"#)
    talk.confirm(room, data: snapshot(["a", "me"]))
    let first = talk.session.presenceSnapshot(of: handle)
    let again = talk.session.presenceSnapshot(of: handle)
    #expect(again == first)
    _ = talk.take()
    talk.confirm(room, data: snapshot(["me", "b"]))
    #expect(talk.channel(named: room)?.members.map(\.userID) == ["me", "b"])
    #expect(
      talk.take().local == [
        #"realtime:member_removed presence-room {"user_id":"a"}"#,
        #"realtime:member_added presence-room {"user_id":"b","user_info":{"id": "b"}}"#,
      ])
  }

  /// é in one scalar and in two, K and the Kelvin sign: strings that are equal, ids that are not.
  @Test func idsThatLookAlikeAreTwo() {
    let talk = Conversation()
    talk.establish()
    let handle = talk.subscribe(room)
    talk.authorize(1, #"{"user_id":"me","user_info":{}}"#)
    let ids = ["\u{E9}", "e\u{301}", "K", "\u{212A}"]
    let list = ids.map { "\"\($0)\"" }.joined(separator: ",")
    let hash = ids.enumerated().map { "\"\($1)\":{\"n\":\($0)}" }.joined(separator: ",")
    let data = "{\"presence\":{\"count\":4,\"ids\":[\(list)],\"hash\":{\(hash)}}}"
    talk.confirm(room, data: data)
    #expect(talk.session.presenceSnapshot(of: handle) == [UInt8](data.utf8))
    talk.receive("realtime:member_removed", channel: room, data: "{\"user_id\":\"\u{212A}\"}")
    #expect(talk.channel(named: room)?.members["K"] != nil)
    #expect(talk.channel(named: room)?.members["\u{212A}"] == nil)
    #expect(talk.channel(named: room)?.members.count == 3)
  }

  @Test func theListKeepsItsOrderThroughManyChanges() {
    var list = MemberList()
    var model: [String] = []
    var random = SplitMix64(seed: 7)
    for _ in 0..<5000 {
      let id = String(random.next() % 200)
      if random.next() % 2 == 0 {
        list.insert(Member(userID: id, userInfo: []))
        if !model.contains(id) { model.append(id) }
      } else {
        #expect(list.remove(id) == model.contains(id))
        model.removeAll { $0 == id }
      }
    }
    #expect(list.map(\.userID) == model)
    #expect(list.count == model.count)
  }
}
