import Bytes
import JSONCodec
import Testing

@testable import Sandbox

struct ConnectionTests {
  @Test func `the greeting has a socket id and the activity timeout, encoded twice`() {
    let stage = Stage { $0.activityTimeout = 77 }
    let first = stage.open()
    let frames = stage.take(first)
    #expect(frames.map(\.event) == ["realtime:connection_established"])
    #expect(frames.first?.channel == nil)
    #expect(frames.first?.json["activity_timeout"]?.intValue == 77)
    let socketID = frames.first?.json["socket_id"]?.stringValue ?? ""
    #expect(socketID == stage.broker.socketID(of: first))
    #expect(socketID.split(separator: ".").count == 2)
    #expect(socketID.allSatisfy { $0.isNumber || $0 == "." })
    #expect(stage.broker.socketID(of: stage.connect()) != socketID)
  }

  @Test(arguments: [
    ("/app/other-key?protocol=7", 4001), ("/app/sandbox-key?protocol=6", 4007), ("/app/sandbox-key?protocol=", 4007),
    ("/nowhere", 4005), ("/app/sandbox-key/x?protocol=7", 4005), ("/app/%zz", 4005), ("", 4005),
  ])
  func `what cannot be served gets an error and is closed with its code`(target: String, code: Int) {
    let stage = Stage()
    let connection = stage.open(target)
    let frames = stage.take(connection)
    #expect(frames.map(\.event) == ["realtime:error"])
    #expect(frames.first?.code == code)
    #expect(frames.first?.json["message"]?.stringValue?.isEmpty == false)
    #expect(stage.closings[connection] == UInt16(code))
    // Closed means silent.
    stage.send(#"{"event":"realtime:ping","data":"{}"}"#, from: connection)
    stage.run(.seconds(1000))
    #expect(stage.take(connection).isEmpty)
    stage.close(connection)
    #expect(stage.broker.connectionCount == 0)
  }

  @Test func `the error comes before the close`() {
    let stage = Stage()
    let connection = stage.open("/app/nobody?protocol=7")
    let actions = stage.takeActions()
    #expect(actions.count == 2)
    guard case .send = actions.first, case .close(connection, 4001, _) = actions.last else {
      Issue.record("\(actions)")
      return
    }
  }

  @Test func `a client that names no protocol is served`() {
    let stage = Stage()
    #expect(stage.take(stage.open("/app/sandbox-key")).map(\.event) == ["realtime:connection_established"])
  }

  @Test func `a ping is answered with a pong`() {
    let stage = Stage()
    let connection = stage.connect()
    stage.send(#"{"event":"realtime:ping","data":"{}"}"#, from: connection)
    #expect(stage.take(connection) == [Received("realtime:pong", nil, "{}")])
    stage.send(#"{"event":"realtime:ping"}"#, from: connection)
    #expect(stage.take(connection).map(\.event) == ["realtime:pong"])
    stage.send(#"{"event":"realtime:pong","data":"{}"}"#, from: connection)
    #expect(stage.take(connection).isEmpty)
  }

  @Test func `a silent client is pinged, then closed with 4201`() {
    let stage = Stage { $0.activityTimeout = 60 }
    let silent = stage.connect()
    let watcher = stage.connect()
    stage.subscribe(silent, "presence-room", user: user("s"))
    stage.subscribe(watcher, "presence-room", user: user("w"))
    _ = (stage.take(silent), stage.take(watcher))
    stage.run(.milliseconds(69_999))
    #expect(stage.take(silent).isEmpty)
    stage.run(.milliseconds(1))
    #expect(stage.take(silent).map(\.event) == ["realtime:ping"])
    stage.send(#"{"event":"realtime:pong","data":"{}"}"#, from: watcher)
    stage.run(.milliseconds(19_999))
    #expect(stage.closings[silent] == nil)
    stage.run(.milliseconds(1))
    #expect(stage.closings[silent] == 4201)
    // Its user is gone at once, not only when the socket is.
    #expect(
      stage.take(watcher) == [
        Received("realtime:ping", nil, "{}"), Received("realtime:member_removed", "presence-room", #"{"user_id":"s"}"#),
      ])
  }

  @Test func `any message and any other frame keep a client alive`() {
    let stage = Stage { $0.activityTimeout = 60 }
    let connection = stage.connect()
    for round in 0..<20 {
      stage.run(.seconds(50))
      if round % 2 == 0 {
        stage.send("nonsense", from: connection)
      } else {
        stage.broker.heard(from: connection, at: stage.now)
      }
    }
    #expect(!stage.take(connection).contains { $0.event == "realtime:ping" })
    #expect(stage.closings.isEmpty)
  }

  @Test func `an activity timeout of 0 means 120 s`() {
    let stage = Stage { $0.activityTimeout = 0 }
    let connection = stage.open()
    #expect(stage.take(connection).first?.json["activity_timeout"]?.intValue == 0)
    stage.run(.seconds(129))
    #expect(stage.take(connection).isEmpty)
    stage.run(.seconds(1))
    #expect(stage.take(connection).map(\.event) == ["realtime:ping"])
  }

  @Test func `nothing is due without connections`() {
    let stage = Stage()
    #expect(stage.broker.nextTimeout == nil)
    let connection = stage.connect()
    #expect(stage.broker.nextTimeout != nil)
    stage.close(connection)
    stage.run(.seconds(1000))
    #expect(stage.broker.nextTimeout == nil)
  }

  @Test func `everybody can be sent away`() {
    let stage = Stage()
    let both = [stage.connect(), stage.connect()]
    stage.broker.disconnectAll(code: 4200, reason: "restart", announced: true)
    stage.collect()
    for connection in both {
      #expect(stage.closings[connection] == 4200)
      #expect(stage.take(connection).first?.code == 4200)
    }
  }
}
