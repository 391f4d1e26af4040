import ArgumentParser

@main
struct CommandLineTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apinatord",
    abstract: "Keeps one connection to Apinator and serves its channels to local programs over HTTP.",
    discussion: """
      Try it without an account and without internet:
        apinatord serve --sandbox &
        curl -N http://127.0.0.1:8787/channels/presence-x/events
      """,
    version: Version.line,
    subcommands: [
      ServeCommand.self, CheckConfigCommand.self, DoctorCommand.self, StatusCommand.self, TriggerCommand.self,
      MembersCommand.self, WaitCommand.self, TailCommand.self, RecordCommand.self, SandboxCommand.self,
      VersionCommand.self,
    ],
    defaultSubcommand: ServeCommand.self)
}
