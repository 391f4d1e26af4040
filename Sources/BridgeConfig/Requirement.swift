import TLSEngine
import Transport

/// What has to be true on this machine besides that files can be read: what is in them, and which accounts there are.
public struct Requirement: Equatable, Sendable {
  /// What has to be true.
  public enum Content: Equatable, Sendable {
    /// The file holds certificates of authorities.
    case authorities(path: String)
    /// The certificate and the key belong together; the key stands at `keyPosition`.
    case keyPair(TLSFiles, keyPosition: SourcePosition)
    /// No other token has that secret.
    case distinctSecret(SecretSource)
    /// There is an account of that name.
    case account(PeerSubject)
  }

  /// Where the value stands.
  public let position: SourcePosition
  /// What has to be true.
  public let content: Content
}

/// A requirement that this machine does not meet.
public struct UnmetRequirement: Equatable, Sendable {
  /// What should be true.
  public let requirement: Requirement
  /// What is wrong, and what to do about it.
  public let problem: ConfigurationProblem
}

extension ParsedConfiguration {
  /// What of ``requirements`` is not met now. What is in files at `unreadable` positions is not asked: that they cannot
  /// be read has been said.
  func unmet(unreadable: Set<SourcePosition>, _ secrets: SecretReader) -> [UnmetRequirement] {
    var failures: [String: String?] = [:]
    var tokens: [[UInt8]: SourcePosition] = [:]
    return requirements.compactMap { requirement in
      guard requirement.filePositions.isDisjoint(with: unreadable) else { return nil }
      let problem: ConfigurationProblem?
      switch requirement.content {
      case .authorities(let path):
        // Several apps may name one file, and a look at it takes its time.
        let failure = failures[path] ?? Self.failure(ofAuthorities: path)
        failures[path] = failure
        problem = failure.map {
          self.problem(requirement.position, $0, fix: "name a file with the authority's certificate in ca_file")
        }
      case .keyPair(let files, let keyPosition): problem = self.problem(files, requirement.position, keyPosition)
      case .distinctSecret(let source):
        guard let secret = try? secrets.read(source) else { return nil }
        let first = tokens[secret]
        tokens[secret] = first ?? requirement.position
        problem = first.map {
          self.problem(
            requirement.position, "secret is the same as that of the token on line \($0.line)",
            fix: "give each token a secret of its own")
        }
      case .account(let subject):
        problem =
          subject.isKnown
          ? nil
          : self.problem(
            requirement.position, "[[peer]] names \(subject), which is no account of this machine",
            fix: "create it, or mend the name")
      }
      return problem.map { UnmetRequirement(requirement: requirement, problem: $0) }
    }
  }

  private func problem(_ position: SourcePosition, _ message: String, fix: String) -> ConfigurationProblem {
    ConfigurationProblem(file: file, position: position, message: message, fix: fix)
  }

  private static func failure(ofAuthorities path: String) -> String? {
    do throws(TLSFailure) {
      _ = try TLSContext.client(TLSClientConfiguration(additionalTrustFile: path))
      return nil
    } catch { return error.message }
  }

  private func problem(
    _ files: TLSFiles, _ certificatePosition: SourcePosition, _ keyPosition: SourcePosition
  ) -> ConfigurationProblem? {
    do throws(TLSFailure) {
      _ = try TLSContext.server(certificateFile: files.certificate, keyFile: files.key)
      return nil
    } catch {
      // The certificate is looked at first, and named as such when it cannot be used at all.
      let blamesCertificate = error.message.hasPrefix("cannot use the certificate file")
      return problem(
        blamesCertificate ? certificatePosition : keyPosition, "[tls]: \(error.message)",
        fix: "name the two files that belong together in [tls]")
    }
  }
}

extension Requirement {
  /// Where the files stand that it is about.
  fileprivate var filePositions: Set<SourcePosition> {
    switch content {
    case .authorities, .distinctSecret: [position]
    case .keyPair(_, let keyPosition): [position, keyPosition]
    case .account: []
    }
  }
}

extension PeerSubject {
  /// Whether this machine has the account; a number always stands for one.
  fileprivate var isKnown: Bool {
    switch self {
    case .uid, .gid: true
    case .user(let name): AccountDatabase.userID(named: name) != nil
    case .group(let name): AccountDatabase.groupID(named: name) != nil
    }
  }
}
