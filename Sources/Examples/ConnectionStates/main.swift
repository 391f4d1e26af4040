// Connects, says what the connection does, and disconnects once it is there. Start `apinatord sandbox` first, or name
// a service:
//   ConnectionStates [url] [app key]
import ApinatorSDK

let arguments = CommandLine.arguments
var options = RealtimeOptions(appKey: arguments.count > 2 ? arguments[2] : "sandbox-key", cluster: "eu")
options.url = arguments.count > 1 ? arguments[1] : "ws://127.0.0.1:6001"
options.reconnect = .giveUp(afterFailures: 3)

let client = Apinator(options: options)
let states = client.states
client.connect()

reading: for await state in states {
  switch state {
  case .initialized: print("initialized")
  case .connecting: print("connecting")
  case .connected:
    print("connected as \(client.socketId ?? "nobody")")
    client.disconnect()
  case .unavailable:
    print("unavailable: \(client.lastError?.description ?? "no reason given")")
    client.disconnect()
  case .disconnected:
    print("disconnected")
    break reading
  }
}
