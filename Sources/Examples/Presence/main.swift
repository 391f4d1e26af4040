// Joins a presence channel as somebody and says who comes and goes. Start `apinatord sandbox` first, or name a service
// and an endpoint that signs:
//   Presence [url] [auth endpoint] [app key] [user id]
import ApinatorSDK

let arguments = CommandLine.arguments
let isElsewhere = arguments.count > 3
var options = RealtimeOptions(
  appKey: isElsewhere ? arguments[3] : "sandbox-key", cluster: "eu",
  authEndpoint: arguments.count > 2 ? arguments[2] : "http://127.0.0.1:6001/auth",
  // The sandbox signs for whom this names; a real endpoint knows by its own session or token.
  authHeaders: ["X-User-Id": arguments.count > 4 ? arguments[4] : "ann"])
options.url = arguments.count > 1 ? arguments[1] : "ws://127.0.0.1:6001"

let client = Apinator(options: options)
guard let room = client.subscribe("presence-room") as? PresenceChannel else {
  preconditionFailure("names that begin with presence- give presence channels")
}
let events = room.events
client.connect()

for await event in events {
  switch event.name {
  case "realtime:subscription_succeeded":
    print("I am \(room.me?.userId ?? "nobody"); \(room.memberCount) here")
    for member in room.getMembers() { print("  \(member.userId) \(member.userInfo.text)") }
    do {
      try room.trigger("client-hello", ["from": .string(room.me?.userId ?? "")])
    } catch {
      print("not sent: \(error)")
    }
  case "realtime:member_added": print("+ \(event.data["user_id"]?.stringValue ?? "?"), now \(room.memberCount)")
  case "realtime:member_removed": print("- \(event.data["user_id"]?.stringValue ?? "?"), now \(room.memberCount)")
  case "realtime:subscription_error": print("refused: \(event.text)")
  default: print("\(event.name): \(event.text)")
  }
}
