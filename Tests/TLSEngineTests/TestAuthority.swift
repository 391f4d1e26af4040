import Foundation

/// A private authority and certificates of every kind, made once by the openssl command in a directory that is removed
/// at exit.
struct TestAuthority: Sendable {
  static let shared = TestAuthority()

  let directory: String

  /// The certificate of the authority itself.
  var authority: String { file("ca.crt") }
  func certificate(_ name: String) -> String { file("\(name).crt") }
  func key(_ name: String) -> String { file("\(name).key") }
  func file(_ name: String) -> String { directory + "/" + name }

  private static let past = ("20200101000000Z", "20210101000000Z")
  private static let future = ("20450101000000Z", "20460101000000Z")
  private static let present = ("20240101000000Z", "20460101000000Z")

  private init() {
    directory = NSTemporaryDirectory() + "tls-engine-tests-\(UUID().uuidString)"
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try write("index.txt", "")
      try write("empty.pem", "")
      try write("nonsense.pem", "nothing of the sort")
      try write(
        "ca.conf",
        """
        [ca]
        default_ca = here
        [here]
        database = \(directory)/index.txt
        new_certs_dir = \(directory)
        rand_serial = yes
        default_md = sha256
        policy = any
        unique_subject = no
        certificate = \(directory)/ca.crt
        private_key = \(directory)/ca.key
        [any]
        commonName = supplied
        [req]
        distinguished_name = name
        [name]
        [authority]
        basicConstraints = critical,CA:TRUE
        keyUsage = critical,keyCertSign
        subjectKeyIdentifier = hash
        [good]
        subjectAltName = DNS:localhost,DNS:*.wild.test,IP:127.0.0.1,IP:::1
        [elsewhere]
        subjectAltName = DNS:elsewhere.test,IP:192.0.2.1
        [unnamed]
        basicConstraints = CA:FALSE
        [partial]
        subjectAltName = DNS:l*.wild.test
        [clientonly]
        subjectAltName = DNS:localhost
        extendedKeyUsage = clientAuth
        [constrained]
        basicConstraints = critical,CA:TRUE
        keyUsage = critical,keyCertSign
        nameConstraints = critical,permitted;DNS:inside.test
        [inside]
        subjectAltName = DNS:inside.test
        """)
      try selfSigned("ca", name: "Test Authority", section: "authority")
      try selfSigned("selfsigned", name: "localhost", section: "good")
      try issue("good", section: "good")
      try issue("elsewhere", section: "elsewhere")
      try issue("unnamed", section: "unnamed")
      try issue("partial", section: "partial")
      try issue("clientonly", section: "clientonly")
      try issue("expired", section: "good", validity: Self.past)
      try issue("early", section: "good", validity: Self.future)
      try issue("constrained", section: "constrained")
      try issue("inside", section: "inside", by: "constrained")
      try issue("outside", section: "good", by: "constrained")
      try issue("expiredauthority", section: "constrained", validity: Self.past)
      try issue("belowexpired", section: "inside", by: "expiredauthority")
      try issue("belownone", section: "good", by: "elsewhere")
      try run(["pkey", "-in", key("good"), "-aes128", "-passout", "pass:x", "-out", key("locked")])
    } catch {
      fatalError("the test certificates could not be made: \(error)")
    }
    // The system's authorities are of no use here, and reading all of them for each context takes seconds.
    setenv("SSL_CERT_FILE", file("empty.pem"), 1)
    atexit { try? FileManager.default.removeItem(atPath: TestAuthority.shared.directory) }
  }

  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
  }

  private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

  private func selfSigned(_ file: String, name: String, section: String) throws {
    try run(
      ["req", "-x509", "-config", self.file("ca.conf"), "-extensions", section, "-subj", "/CN=\(name)", "-days", "30"]
        + Self.newKey + ["-keyout", key(file), "-out", certificate(file)])
  }

  private func issue(
    _ file: String, section: String, validity: (String, String) = Self.present
  ) throws {
    let request = self.file("\(file).csr")
    try run(
      ["req", "-new", "-config", self.file("ca.conf"), "-subj", "/CN=localhost"] + Self.newKey
        + ["-keyout", key(file), "-out", request])
    try run([
      "ca", "-batch", "-notext", "-config", self.file("ca.conf"), "-extensions", section, "-startdate", validity.0,
      "-enddate", validity.1, "-in", request, "-out", certificate(file),
    ])
  }

  /// A chain of two: the certificate, and that of the authority below ours that signed it.
  private func issue(_ file: String, section: String, by signer: String) throws {
    let request = self.file("\(file).csr")
    try run(
      ["req", "-new", "-config", self.file("ca.conf"), "-subj", "/CN=localhost"] + Self.newKey
        + ["-keyout", key(file), "-out", request])
    try run([
      "x509", "-req", "-in", request, "-CA", certificate(signer), "-CAkey", key(signer), "-CAcreateserial", "-days",
      "30",
      "-extfile", self.file("ca.conf"), "-extensions", section, "-out", certificate(file),
    ])
    let chain = try [file, signer].map { try String(contentsOfFile: certificate($0), encoding: .utf8) }
    try write("\(file).crt", chain.joined())
  }

  /// A certificate like "good" that is over in `seconds`; its name.
  func issueForMoment(seconds: Int) throws -> String {
    let name = "moment-\(UUID().uuidString)"
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "UTC")
    formatter.dateFormat = "yyyyMMddHHmmss'Z'"
    let end = formatter.string(from: Date(timeIntervalSinceNow: Double(seconds)))
    try issue(name, section: "good", validity: (Self.present.0, end))
    return name
  }

  private func run(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw CommandFailure(arguments: arguments, output: String(decoding: text, as: UTF8.self))
    }
  }
}

struct CommandFailure: Error {
  let arguments: [String]
  let output: String
}
