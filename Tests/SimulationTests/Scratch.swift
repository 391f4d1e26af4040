import Glibc

/// Files of a run, in a folder of its own.
enum Scratch {
  static func make() -> String {
    var template = Array("/tmp/apinatord-simulation.XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { fatalError("no folder for the simulation") }
    return String(cString: made)
  }

  static func write(_ path: String, _ text: String) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    precondition(file >= 0, "cannot write \(path)")
    _ = Glibc.write(file, text, text.utf8.count)
    close(file)
  }

  static func empty(_ folder: String) {
    guard let directory = opendir(folder) else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      unlink("\(folder)/\(name)")
    }
  }

  static func remove(_ folder: String) {
    empty(folder)
    rmdir(folder)
  }
}
