import Glibc

/// A look that text can have on a terminal: ISO 6429, SGR.
enum TerminalStyle: String {
  case plain = ""
  case bold = "1"
  case dim = "2"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case cyan = "36"
}

/// What standard output is: how wide, and whether it takes colours.
struct Terminal {
  /// How many columns a line has; nil where lines have no end: a file, a pipe.
  let columns: Int?
  /// Whether text may be coloured.
  let hasColour: Bool

  /// Standard output as it is now.
  static func ofStandardOutput() -> Terminal {
    guard isatty(STDOUT_FILENO) == 1 else { return Terminal(columns: nil, hasColour: false) }
    var size = winsize()
    let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return Terminal(columns: isKnown ? Int(size.ws_col) : 80, hasColour: !ProcessEnvironment.wantsNoColour)
  }

  /// `text`, which is fit for a terminal, in that look where there are colours.
  func styled(_ text: String, _ style: TerminalStyle) -> String {
    guard hasColour, style != .plain, !text.isEmpty else { return text }
    return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
  }
}
