import ArgumentParser

@main
struct CommandLineTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apinatord",
    abstract: "Keeps one connection to Apinator and serves its channels to local programs over HTTP.",
    discussion: """
      Try it without an account and without internet:
        apinatord serve --sandbox &
        apinatord wait && curl -N http://127.0.0.1:8787/channels/presence-x/events
      """,
    version: Version.line,
    subcommands: [
      ServeCommand.self, CheckConfigCommand.self, DoctorCommand.self, StatusCommand.self, TriggerCommand.self,
      MembersCommand.self, WaitCommand.self, TailCommand.self, RecordCommand.self, SandboxCommand.self,
      VersionCommand.self,
    ],
    defaultSubcommand: ServeCommand.self)

  /// As ArgumentParser does it by itself, but for two mistakes that it leaves people alone with.
  static func main() {
    StandardDescriptors.occupy()
    let arguments = CommandLine.arguments.dropFirst()
    guard ProcessEnvironment.argumentsAreText else {
      Console.message("Error: an argument is not UTF-8; trigger reads data from standard input in place of -")
      exit(withError: ExitCode.usage)
    }
    if let name = unknownTopic(arguments) {
      Console.message("Error: there is no subcommand '\(name)'; apinatord --help lists them")
      exit(withError: ExitCode.usage)
    }
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      guard exitCode(for: error) == .usage, let hint = hint(arguments) else { exit(withError: error) }
      Console.message(fullMessage(for: error) + "\n" + hint)
      exit(withError: ExitCode.usage)
    }
  }

  /// What `help` is asked for and does not know, which ArgumentParser takes for a wish to see all of it.
  private static func unknownTopic(_ arguments: ArraySlice<String>) -> String? {
    guard arguments.first == "help", let name = arguments.dropFirst().first, !name.hasPrefix("-") else { return nil }
    let known = configuration.subcommands.map { $0._commandName } + ["help"]
    return known.contains(name) ? nil : name
  }

  /// Data that begins with `-` looks like an option.
  private static func hint(_ arguments: ArraySlice<String>) -> String? {
    guard arguments.first == "trigger", !arguments.contains("--"),
      arguments.contains(where: { $0.count > 1 && $0.hasPrefix("-") && !$0.hasPrefix("--") })
    else { return nil }
    return "Data that begins with - comes after --, as in: apinatord trigger presence-x client-note -- -1"
  }
}
