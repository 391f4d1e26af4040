extension StringProtocol {
  /// Whether the UTF-8 bytes begin with those of `prefix`. `hasPrefix` compares characters: for it, `realtime:` and an
  /// accent after the colon do not begin with `realtime:`.
  internal func hasBytePrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }
}
