import FuzzSupport

/// A value that a key cannot have, as it is written.
struct ConfigurationFault {
  /// What stands there in place of the value.
  var text: String
  /// What is wrong is that the document is no TOML: then the parser says where it noticed.
  var isSyntax = false

  /// A secret that nothing of it may be told of, once as text and once as digits.
  static let secret = "c4n4ry-of-the-secret"
  static let digits = "918273645918273645918273645"

  /// What `entry` of the table with this header cannot be.
  static func all(_ entry: ConfigurationDocument.Entry, in header: String) -> [ConfigurationFault] {
    let texts: [String]
    switch (header, entry.key) {
    case ("[[app]]", "app_secret"), ("[[token]]", "secret"): return secrets
    case ("[[app]]", "auth_headers"):
      texts = [
        "'\(secret)'", "{ A = ' \(secret)' }", "{ A = \"\(secret)\\n\" }", "{ A = ['\(secret)'] }",
        "{ Host = '\(secret)' }", "{ 'A:' = '\(secret)' }", "{ A = 'b', a = '\(secret)' }", "{ A = {} }",
      ]
    case ("[[app]]", "presence"):
      texts = [
        "'host'", "{}", "{ user_id = '' }", "{ user_id = 7 }", "{ user_id = 'a', user_info = 7 }",
        "{ user_id = 'a', user_info = { a = 1979-05-27 } }", "{ user_id = 'a', user_info = { a = [nan] } }",
        "{ user_id = 'a', user = 'b' }",
      ]
    case ("[[app]]", "url"):
      texts = [
        "''", "7", "'h'", "'http://\(secret)'", "'ws://\(secret)@h'", "'ws://h/?\(secret)'", "'ws://h/ \(secret)'",
        "'ws://h:0/\(secret)'", "'ws://h:65536'", "'ws:///\(secret)'", "'ws://a..b'", "'ws://h#\(secret)'",
      ]
    case ("[[app]]", "auth_endpoint"):
      texts = ["''", "true", "'ws://h'", "'https://u:\(secret)@h'", "'https://h/?\(secret)é'", "'https://[::]]/'"]
    case ("[[app]]", "name"), ("[[token]]", "name"): texts = ["7", "''", "'a b'", "'é'", longString(65)]
    case (_, "app_key"): texts = ["7", "''", "'a:\(secret)'", "' \(secret)'", longString(129)]
    case (_, "cluster"): texts = ["7", "''", "'EU'", "'a-'", "'a.b'", longString(61)]
    case ("[[app]]", "channels"):
      texts = lists + ["['a', 'a']", "['a b']", "['#a']", "[\(longString(201))]", "['']", "['*']"]
    case (_, "channels"): texts = lists + ["['a', 'a']", "[]", "['a b*']", "['**']", "[\(longString(201))]", "['']"]
    case (_, "apps"): texts = lists + ["['*', '*']", "[]", "['nobody']", "['z*']"]
    case (_, "allow"): texts = lists + ["['read', 'read']", "[]", "['write']", "['Read']", "['']"]
    case (_, "listen"):
      texts =
        lists + [
          "['127.0.0.1:1', '127.0.0.1:1']", "['h:80']", "['127.0.0.1']", "['::1:80']", "['127.0.0.1:65536']",
          "['[::1]:']", "['127.0.0.1:+80']",
          "['localhost:80']", "['']", "['[::1%lo]:80']", "['[::ffff:127.0.0.1]:1']", "['[::1]:1', '[0::1]:1']",
        ]
    case (_, "allowed_hosts"):
      texts = lists + ["['a', 'a']", "['h:80']", "['*']", "['http://h']", "['']", "['a..b']", "['-a']"]
    case (_, "allowed_origins"):
      texts =
        lists + [
          "['https://a', 'https://a']", "['*']", "['null']", "['https://h/']", "['h']", "['https://u@h']",
          "['https://h:0']",
        ]
    case (_, "socket_mode"):
      texts = ["0o660", "'0577'", "'0000'", "''", "'66'", "'0888'", "'1777'", "'+660'", "'00660'"]
    case (_, "user"), (_, "group"): texts = ["7", "''", "'a b'", "'a:b'", "'a/b'", longString(257)]
    case (_, "uid"), (_, "gid"): texts = ["'7'", "-1", "4294967295", "1.0"]
    case ("[log]", _), (_, "auth_format"): texts = ["7", "''", "'INFO'", "'verbose'"]
    case ("[tls]", _), (_, "ca_file"): texts = ["7", "''", "\"/a\\u0000b\"", "['/a']"]
    default:
      switch entry.value {
      case .boolean: texts = ["'true'", "1", "[]"]
      case .integer: texts = ["'1'", "0", "-1", entry.key == "kept_bytes" ? "1099511627777" : "2147483648", "1e3"]
      default:
        texts =
          ["10", "'10'", "'-1s'", "'1d'", "'8785h'", "'1s '", "'1S'", "''", "'99999999999999999999h'"]
          + (entry.key == "linger" ? [] : ["'0ms'"])
      }
    }
    return texts.map { ConfigurationFault(text: $0) } + [ConfigurationFault(text: "\"unfinished", isSyntax: true)]
  }

  private static let lists = ["7", "'a'", "[7]", "[['a']]", "{ a = 1 }"]

  private static let secrets = [
    ConfigurationFault(text: "'\(secret)'"), ConfigurationFault(text: digits, isSyntax: true),
    ConfigurationFault(text: "['\(secret)']"), ConfigurationFault(text: "{ file = '' }"),
    ConfigurationFault(text: "{ file = 'a', credential = 'b' }"), ConfigurationFault(text: "{}"),
    ConfigurationFault(text: "{ file = 'a', value = '\(secret)' }"),
    ConfigurationFault(text: "{ credential = 'a/b' }"), ConfigurationFault(text: "{ credential = '..' }"),
    ConfigurationFault(text: "{ credential = 7 }"), ConfigurationFault(text: secret, isSyntax: true),
    ConfigurationFault(text: "\"\(secret)", isSyntax: true), ConfigurationFault(text: "'a'\(secret)", isSyntax: true),
    ConfigurationFault(text: "0x\(digits)", isSyntax: true), ConfigurationFault(text: "\(digits).", isSyntax: true),
    ConfigurationFault(text: "1e\(digits)", isSyntax: true),
    ConfigurationFault(text: "{ '\(secret)' }", isSyntax: true),
  ]

  private static func longString(_ count: Int) -> String { "'" + String(repeating: "a", count: count) + "'" }

  /// Whether `problem` of the value of `key` names the key, or what it is the key of.
  static func isNamed(_ key: String, by problem: String) -> Bool {
    let words: [String] =
      switch key {
      case "presence": ["presence", "user_id", "user_info", "JSON"]
      case "auth_headers": ["auth_headers", "header", "A is there twice", "a is there twice", "value of A", "Host"]
      case "channels", "apps": [String(key.dropLast())]
      case "listen": ["listen", "Unix socket"]
      default: [key]
      }
    return words.contains { problem.contains($0) }
  }
}
