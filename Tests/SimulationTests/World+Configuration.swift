import BridgeConfig
import Glibc

extension World {
  /// A configuration with which everything works.
  func makeConfiguration() -> Configuration {
    var configuration = Configuration()
    configuration.listen = [.unix(path: path)]
    configuration.limits.maxEventBytes = World.eventBytesMax
    configuration.limits.readerBacklogBytes = pick([150_000, 300_000, 1_048_576])
    configuration.limits.writeTimeout = pick([.seconds(4), .seconds(30)])
    if !isRoomy {
      configuration.limits.keptEvents = pick([3, 10, 40])
      configuration.limits.keptBytes = pick([20_000, 200_000, 67_108_864])
      configuration.limits.keptAge = pick([.seconds(20), .seconds(300), .seconds(3600)])
      configuration.limits.maxStreams = pick([5, 20_000])
    }
    var main = AppConfiguration(appKey: "key")
    main.name = "main"
    main.url = "ws://main.test:80"
    main.authEndpoint = "http://auth.test/sign"
    main.linger = .seconds(5)
    main.channels = chance(50) ? ["news"] : []
    var side = AppConfiguration(appKey: "side-key")
    side.name = "side"
    side.url = "ws://side.test:80"
    side.appSecret = .file(path: "\(folder)/app.secret")
    side.linger = .seconds(5)
    configuration.apps = [main, side]
    configuration.tokens = allTokens
    return configuration
  }

  var allTokens: [TokenConfiguration] {
    [
      token("all", [.everything], [.everything], [.read, .trigger, .admin]),
      token("news", [.everything], [NamePattern("news"), NamePattern("cache-*")], [.read]),
      token("private", [NamePattern("main")], [NamePattern("private-*")], [.read, .trigger]),
      token("side", [NamePattern("side")], [.everything], [.read]),
    ]
  }

  private func token(
    _ name: String, _ apps: [NamePattern], _ channels: [NamePattern], _ allow: AccessActions
  ) -> TokenConfiguration {
    TokenConfiguration(
      name: name, secret: .file(path: "\(folder)/\(name).token"),
      grant: AccessGrant(apps: apps, channels: channels, allow: allow))
  }

  /// A configuration that somebody has changed something in.
  func changedConfiguration() -> Configuration {
    var new = configuration
    switch number(8) {
    case 0:
      // Fewer tokens, or all again.
      new.tokens = chance(50) ? allTokens : allTokens.filter { $0.name == "all" || chance(50) }
    case 1:
      // A token is granted something else.
      new.tokens = allTokens
      let patterns = pick([[NamePattern("news")], [NamePattern("private-orders-*")], [.everything]])
      new.tokens[1] = token("news", [.everything], patterns, [.read])
      new.tokens[2] = token(
        "private", pick([[.everything], [NamePattern("main")]]), [NamePattern("private-*")],
        pick([[.read], [.trigger]]))
    case 2:
      new.peers =
        chance(50)
        ? []
        : [
          PeerConfiguration(
            subject: .uid(getuid()),
            grant: AccessGrant(apps: [.everything], channels: [NamePattern("news")], allow: .read))
        ]
    case 3:
      // No tokens: anybody may.
      new.tokens = chance(50) ? [] : allTokens
      new.peers = []
    case 4:
      new.apps = makeConfiguration().apps
      if chance(50) { new.apps.removeLast() }
    case 5:
      for index in new.apps.indices where chance(50) {
        new.apps[index].activityTimeout = pick([.seconds(60), .seconds(120)])
      }
    case 6:
      let limits = makeConfiguration().limits
      new.limits = limits
    default: break
    }
    return new
  }
}
