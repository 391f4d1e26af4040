// Prints what is published on `news`. Start `apinatord sandbox` first, or name a service:
//   GettingStarted [url] [app key] [channel]
import ApinatorSDK

let arguments = CommandLine.arguments
var options = RealtimeOptions(appKey: arguments.count > 2 ? arguments[2] : "sandbox-key", cluster: "eu")
options.url = arguments.count > 1 ? arguments[1] : "ws://127.0.0.1:6001"

let client = Apinator(options: options)
let news = client.subscribe(arguments.count > 3 ? arguments[3] : "news")
let events = news.events
client.connect()

// A loop over events needs neither a run loop nor a main actor; `bind` with a closure does the same by callback.
for await event in events {
  print("\(event.name): \(event.text)")
}
