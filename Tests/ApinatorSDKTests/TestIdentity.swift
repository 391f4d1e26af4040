import Foundation

/// A certificate for `localhost` or for another name that is its own authority, and its key: made by the openssl
/// command when first asked for, gone when the tests end.
struct TestIdentity: Sendable {
  /// In PEM; whoever trusts it names it as CA file.
  let certificateFile: String
  let keyFile: String

  /// The one that a client of the tests is told to trust.
  static let trusted = Task { try await TestIdentity("trusted", for: "DNS:localhost,IP:127.0.0.1") }
  /// Just as good, but nobody's friend.
  static let foreign = Task { try await TestIdentity("foreign", for: "DNS:localhost,IP:127.0.0.1") }
  /// For a name that no server of the tests has.
  static let elsewhere = Task { try await TestIdentity("elsewhere", for: "DNS:elsewhere.test") }

  private static let folder: URL = {
    atexit { try? FileManager.default.removeItem(at: TestIdentity.folder) }
    return FileManager.default.temporaryDirectory.appending(path: "sdk-tests-\(UUID())")
  }()

  private init(_ name: String, for alternativeNames: String) async throws {
    try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
    certificateFile = Self.folder.appending(path: "\(name).pem").path
    keyFile = Self.folder.appending(path: "\(name).key").path
    let openssl = Process()
    openssl.executableURL = URL(filePath: "/usr/bin/env")
    openssl.arguments = [
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
      "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(alternativeNames)", "-keyout", keyFile, "-out",
      certificateFile,
    ]
    openssl.standardInput = FileHandle.nullDevice
    openssl.standardError = FileHandle.nullDevice
    // Waiting for it here would hold up one of the few threads that all tests share.
    try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
      openssl.terminationHandler = { process in
        ended.resume(with: process.terminationStatus == 0 ? .success(()) : .failure(CertificateFailure()))
      }
      do { try openssl.run() } catch { ended.resume(throwing: error) }
    }
  }
}

struct CertificateFailure: Error {}
