import Glibc

/// Makes a system call that says −1 when it fails, again as long as a signal interrupts it: the one place that knows
/// about `EINTR`.
///
/// - Returns: what `body` returned.
/// - Throws: the call's error.
@inline(__always)
public func systemCall<Result: FixedWidthInteger & SignedInteger>(_ body: () -> Result) throws(Errno) -> Result {
  while true {
    let result = body()
    if result != -1 { return result }
    let error = Errno.current
    if error.rawValue != EINTR { throw error }
  }
}
