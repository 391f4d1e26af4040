import Bytes
import FuzzSupport
import JSONCodec

/// Three clients and an app's server, the bytes being what they do: messages made of few parts, so that they often fit,
/// and time that passes between.
struct MessageStory {
  private static let channels = [
    "presence-room", "private-a", "news", "presence-cache-x", "private-cache-x", "cache-x", "private-K;b",
    "private-\u{212A}\u{37E}b", "private-\u{301}", "presence-", "a b", "",
  ]
  private static let users = [
    #"{"user_id":"ada","user_info":{}}"#, #"{"user_id":"é","user_info":{"n":1}}"#,
    #"{"user_id":"e\u0301","user_info":{"n":[]}}"#, #"{"user_info":{"n":2},"user_id":"ada","user_id":"bob"}"#,
    #"{"user_id":"","user_info":{}}"#, #"{"user_id":7,"user_info":{}}"#, #"{"user_id":"x","user_info":[]}"#, "x",
  ]
  private static let events = [
    "client-x", "client-", "client-\u{301}", "message", "", "realtime:new", "realtime:\u{301}",
    "client-" + String(repeating: "n", count: 193),
    "client-" + String(repeating: "n", count: 194),
  ]
  private static let data = [
    #""{\"n\":1}""#, #""\u0065\/""#, "{}", " [ 1 ] ", "7", "null", "\"\"", #""\ud800""#,
    "\"" + String(repeating: "d", count: 40) + "\"", "\"" + String(repeating: "d", count: 41) + "\"",
    "[\"" + String(repeating: "d", count: 36) + "\"]", "[\"" + String(repeating: "d", count: 37) + "\"]",
  ]
  private static let targets = [
    "/app/sandbox-key?protocol=7", "/app/sandbox-key", "/app/sandbox%2Dkey?protocol=7&protocol=8",
    "/app/other?protocol=7",
    "/app", "/app/sandbox-key/x", "/app/sandbox-key?protocol=8",
  ]
  private static let signer = OwnSigner(key: "sandbox-key", secret: "sandbox-secret")

  private var input: FuzzInput
  private var stage = MessageStage()
  /// Who of the clients of the stage is which of the three.
  private var present: [Int] = []

  init(_ input: FuzzInput) { self.input = input }

  mutating func tell() {
    for _ in 0..<3 {
      present.append(stage.clientCount)
      stage.open()
    }
    for _ in 0..<50 where !input.isAtEnd { step() }
    stage.advance(.seconds(1000))
    for client in 0..<stage.clientCount { stage.checkOutput(of: client) }
  }

  private mutating func step() {
    let instruction = input.next()
    let place = Int(instruction >> 4) % 3
    switch instruction & 15 {
    case 0...4: say(subscription(place), place)
    case 5: say(unsubscription(), place)
    case 6...8: say(event(), place)
    case 9: say(input.nextText(), place)
    case 10: publish(place)
    case 11: stage.advance(.seconds(Int64(input.next()) / 2))
    case 12: stage.act([.ping([1, 2]), .traffic][Int(instruction >> 4) & 1], by: present[place])
    case 13: say(Array(#"{"event":"realtime:p\#(instruction & 16 == 0 ? "i" : "o")ng","data":{}}"#.utf8), place)
    case 14:
      stage.act([.end(code: 1000), .end(code: nil), .tooLarge][Int(instruction >> 6) % 3], by: present[place])
      comeBack(place)
    default: comeBack(place)
    }
  }

  private mutating func say(_ text: [UInt8], _ place: Int) {
    // The codec lets nothing else through.
    guard UTF8Validator.isValid(text.span) else { return }
    stage.act(.text(text), by: present[place])
  }

  /// A new connection takes the place of one, which may live on without a word.
  private mutating func comeBack(_ place: Int) {
    present[place] = stage.clientCount
    let choice = Int(input.next())
    stage.open(MessageStory.targets[choice < 200 ? 0 : choice % MessageStory.targets.count])
  }

  private mutating func one(of list: [String]) -> String { list[input.next(below: list.count)] }

  // MARK: Messages

  private mutating func subscription(_ place: Int) -> [UInt8] {
    let (channel, choice) = (one(of: MessageStory.channels), Int(input.next()))
    var members = [JSONMember("channel", .string(channel))]
    let isPresence = channel.utf8.starts(with: "presence-".utf8) != (choice & 31 == 31)
    let channelData = isPresence ? MessageStory.users[choice % MessageStory.users.count] : nil
    let socketID = stage.socketID(choice & 0xC0 == 0xC0 ? present[(place + 1) % 3] : present[place])
    var auth = MessageStory.signer.subscription(socketID: socketID, channel: channel, channelData: channelData)
    if choice & 0x38 == 0x38 { auth += ["0", "\u{301}", ""][choice % 3] }
    if choice & 0xF8 != 0x30 { members.append(JSONMember("auth", .string(auth))) }
    if let channelData { members.append(JSONMember("channel_data", .string(channelData))) }
    return message("realtime:subscribe", .object(members), isEncodedTwice: choice & 32 == 0)
  }

  private mutating func unsubscription() -> [UInt8] {
    message("realtime:unsubscribe", ["channel": .string(one(of: MessageStory.channels))], isEncodedTwice: true)
  }

  private func message(_ event: String, _ data: JSONValue, isEncodedTwice: Bool) -> [UInt8] {
    let message: JSONValue = ["event": .string(event), "data": isEncodedTwice ? .string(data.text) : data]
    return message.serialized()
  }

  private mutating func event() -> [UInt8] {
    let (event, channel) = (one(of: MessageStory.events), one(of: MessageStory.channels))
    let head: JSONValue = ["event": .string(event), "channel": .string(channel)]
    let choice = Int(input.next())
    guard choice < 240 else { return head.serialized() }
    let data = MessageStory.data[choice % MessageStory.data.count]
    return head.serialized().dropLast() + Array(",\"data\":\(data)}".utf8)
  }

  private mutating func publish(_ place: Int) {
    let channel = MessageStory.channels[input.next(below: 7)]
    let isExcluding = input.next() & 1 != 0
    let text = [UInt8](String(decoding: input.nextText(), as: UTF8.self).utf8)
    stage.publish("e", text, on: channel, excluding: isExcluding ? present[place] : nil)
  }
}
