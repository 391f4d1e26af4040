// Meets every kind of error there is, one after the other. Start `apinatord sandbox` first, or name a service:
//   ErrorHandling [url] [app key]
import ApinatorSDK

let arguments = CommandLine.arguments
var options = RealtimeOptions(appKey: arguments.count > 2 ? arguments[2] : "sandbox-key", cluster: "eu")
options.url = arguments.count > 1 ? arguments[1] : "ws://127.0.0.1:6001"
options.log = { print("log: \($0)") }

// Options that cannot be used are told before anything is connected.
var wrong = options
wrong.url = "https://example.com"
do {
  try wrong.validate()
} catch {
  print("options:", error)
}

let client = Apinator(options: options)

// A client event is sent now or not at all.
do {
  try client.trigger("private-room", "client-hello", "too early")
} catch {
  print("trigger:", error)
}

// What the service says about the connection, fatal or not.
client.bind("realtime:error") { event in
  print("service: \(event.data["code"]?.intValue ?? 0) \(event.data["message"]?.stringValue ?? "")")
}

// A callback may throw: it is logged and breaks nothing else.
struct Clumsy: Error {}
client.bind("realtime:connection_established") { _ in throw Clumsy() }

// Callbacks have a thread of their own, in the order of events: once this one has run, so have those before it.
let (callbacks, end) = AsyncStream.makeStream(of: Never.self)
client.bind("state_change") { event in
  switch event.data["current"]?.stringValue {
  case "unavailable", "disconnected": end.finish()
  default: break
  }
}

// A subscription that cannot be signed is refused, and tried again while it is wanted.
let refusals = client.subscribe("private-room").events(named: "realtime:subscription_error")
let states = client.states
client.connect()

reading: for await state in states {
  switch state {
  case .connected:
    for await refusal in refusals {
      print("subscription: \(refusal.data["error"]?.stringValue ?? refusal.text)")
      break
    }
    client.disconnect()
  case .unavailable, .disconnected:
    for await _ in callbacks {}
    // Nil when it was the program that disconnected.
    print("connection: \(client.lastError?.description ?? "closed as asked")")
    break reading
  case .initialized, .connecting: break
  }
}
