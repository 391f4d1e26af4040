import BridgeConfig

/// The least that parses, for tests to add to.
let minimalApp = """
  [[app]]
  app_key = "k"
  cluster = "eu"

  """

func parse(_ text: String, file: String = "a.toml", allowsNoApps: Bool = false) throws -> Configuration {
  try ConfigurationParser.parse([UInt8](text.utf8), file: file, allowsNoApps: allowsNoApps).configuration
}

/// The lines of all problems of `text`; empty when it is good.
func problems(_ text: String, file: String = "a.toml", allowsNoApps: Bool = false) -> [String] {
  do {
    _ = try ConfigurationParser.parse([UInt8](text.utf8), file: file, allowsNoApps: allowsNoApps)
    return []
  } catch {
    return error.problems.map(\.description)
  }
}
