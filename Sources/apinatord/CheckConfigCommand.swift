import ArgumentParser
import BridgeConfig

struct CheckConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-config",
    abstract: "Say everything that is wrong with a configuration, and the secrets, files and accounts it names.",
    discussion: """
      Examples:
        printf '[[app]]\\napp_key = "app_xxxxxxxx"\\ncluster = "eu"\\n' > app.toml
        apinatord check-config app.toml

      Each problem is a line FILE:LINE:COLUMN: what is wrong; what to write instead. Exit status 0: it is good; 78: it \
      is not, and serve would end with 78 too. What only a socket unit makes right is said on standard error. Run it as \
      the user that runs the daemon, who has to be able to read the secrets.
      """)

  @Argument(
    help: ArgumentHelp("The configuration; else $APINATORD_CONFIG, else the usual file.", valueName: "file"),
    completion: .file())
  var file: String?

  @Flag(help: "Check it for serve --sandbox, which brings an app of its own.")
  var sandbox = false

  func run() throws {
    let path = file ?? ProcessEnvironment.configurationFile ?? ProcessEnvironment.configurationFileDefault
    let secrets = SecretReader(credentialsDirectory: ProcessEnvironment.credentialsDirectory)
    let parsed = try configurationOrExit { () throws(ConfigurationProblems) in
      try ConfigurationFile.check(path: path, secrets: secrets, allowsNoApps: sandbox)
    }
    let configuration = parsed.configuration
    for notice in parsed.notices { Console.message(notice.description) }
    try TerminalOutput.write("\(path): good (\(Self.summary(configuration)))\n")
  }

  static func summary(_ configuration: Configuration) -> String {
    let apps = configuration.apps.map { "\($0.name) at \($0.serverURL)" }.joined(separator: ", ")
    let listen = configuration.listen.map(\.description).joined(separator: ", ")
    return [
      apps.isEmpty ? "no app" : "app \(apps)", "listens on \(listen.isEmpty ? "sockets from systemd" : listen)",
      "tokens: \(configuration.tokens.count)", "peers: \(configuration.peers.count)",
    ].joined(separator: "; ")
  }
}
