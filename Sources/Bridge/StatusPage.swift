import Bytes
import CryptoPrimitives
import HTTPCodec
import HTTPServer

/// The page at `/`: how things stand, for a person with a browser. It asks for nothing but the daemon's own answers, so
/// that it works without internet, and its policy lets it do nothing else.
///
/// The texts are literals, which cost nothing until somebody opens the page; then it is put together, once.
enum StatusPage {
  static var response: HTTPResponse {
    var headers = HeaderFields()
    headers.append("Content-Type", "text/html; charset=utf-8")
    headers.append("Cache-Control", "no-store")
    headers.append("Content-Security-Policy", policy)
    headers.append("Referrer-Policy", "no-referrer")
    return HTTPResponse(status: 200, headers: headers, body: bytes)
  }

  private static let bytes = [UInt8](html.utf8)

  /// Only the page's own style and script are used, known by their hashes (CSP Level 3 §2.3.1), nothing is asked for
  /// elsewhere, and text becomes markup nowhere (Trusted Types without any policy).
  static let policy = [
    "default-src 'none'", "script-src '\(source(of: script))'", "style-src '\(source(of: style))'",
    "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    "require-trusted-types-for 'script'", "trusted-types 'none'",
  ].joined(separator: "; ")

  /// What a policy calls an element whose text is exactly `text`.
  private static func source(of text: String) -> String {
    "sha256-" + Base64.encode(SHA256.hash([UInt8](text.utf8)))
  }

  static var html: String {
    "\(head)<style>\(style)</style>\n\(body)<script type=\"module\">\(script)</script>\n</html>\n"
  }

  static var script: String { base + tables + plot + stream + clientEvents + start }
}
