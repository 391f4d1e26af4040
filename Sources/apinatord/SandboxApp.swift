import BridgeConfig
import Sandbox
import Transport

extension AppConfiguration {
  /// The app that `serve --sandbox` brings: connected to the sandbox at `address`, which signs for it too.
  static func sandbox(_ settings: SandboxConfiguration = SandboxConfiguration(), at address: SocketAddress) -> Self {
    var app = AppConfiguration(appKey: settings.appKey)
    app.url = "ws://\(address)"
    app.authEndpoint = "http://\(address)/auth"
    app.channels = [SandboxChatter.defaultChannel]
    return app
  }
}
