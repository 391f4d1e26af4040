import ArgumentParser
import Bytes
import CNghttp2
import COpenSSL

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version",
    abstract: "Print the version, and with --verbose those of the libraries.",
    discussion: """
      Example:
        apinatord version --verbose
      """)

  @Flag(name: .shortAndLong, help: "Also print the versions of the linked libraries.")
  var verbose = false

  func run() throws {
    try TerminalOutput.write(Version.line + "\n")
    guard verbose else { return }
    try TerminalOutput.write("\(Version.openSSL)\nnghttp2 \(Version.nghttp2)\n")
  }
}

enum Version {
  static let number = ProductVersion.number
  static let line = "apinatord \(number)"

  /// Of the library that is linked, not of its headers.
  static var openSSL: String { OpenSSL_version(OPENSSL_VERSION).map { String(cString: $0) } ?? "OpenSSL" }

  /// Of the library that is linked, not of its headers.
  static var nghttp2: String {
    guard let info = nghttp2_version(0), let text = info.pointee.version_str else { return "unknown" }
    return String(cString: text)
  }
}
