import ArgumentParser
import Glibc
import Reactor
import Sandbox

/// Where `record` writes.
struct Recorder {
  /// Nil for standard output; else open until the program ends.
  private let descriptor: Int32?
  private let path: String
  private let terminal = Terminal.ofStandardOutput()

  /// Makes the file `output`, or empties it; standard output when it is nil.
  init(output: String?) throws(ExitCode) {
    path = output ?? ""
    guard let output else {
      descriptor = nil
      return
    }
    do throws(Errno) {
      descriptor = try systemCall { open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666) }
    } catch {
      throw Recorder.failure(output, error)
    }
  }

  /// Writes a whole line with one call, so that it is there wholly or not at all.
  func write(_ line: [UInt8]) throws(ExitCode) {
    guard let descriptor else { return try TerminalOutput.write(line: [UInt8](line.dropLast()), to: terminal) }
    var rest = line[...]
    while !rest.isEmpty {
      do throws(Errno) {
        let count = try systemCall { rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } }
        rest = rest.dropFirst(count)
      } catch {
        throw Recorder.failure(path, error)
      }
    }
  }

  private static func failure(_ path: String, _ error: Errno) -> ExitCode {
    Console.message("apinatord: cannot write \(TerminalText.visible(path)): \(error)")
    return .failure
  }
}

/// A recording on disk.
enum RecordingFile {
  /// A larger one is not read, in bytes: it is held in memory while it is played.
  static let bytesMax = 256 << 20

  /// Reads and checks the recording at `path`, or says everything that is wrong with it and ends the program with 64.
  static func load(_ path: String) throws(ExitCode) -> Recording {
    let name = TerminalText.visible(path)
    let bytes: [UInt8]
    do throws(Errno) { bytes = try read(path) } catch {
      Console.message("apinatord: cannot read \(name): \(error)")
      throw .usage
    }
    guard bytes.count <= bytesMax else {
      Console.message("apinatord: \(name) has more than \(bytesMax >> 20) MiB; play it in parts: split -C 200m")
      throw .usage
    }
    do throws(RecordingFaults) {
      let recording = try Recording(bytes)
      if !recording.events.isEmpty { return recording }
      Console.message("apinatord: \(name) holds no event that could be played; make one with apinatord record")
    } catch {
      for fault in error.faults { Console.message("\(name):\(fault.description)") }
      if error.further > 0 { Console.message("\(name): and \(error.further) more lines are wrong") }
    }
    throw .usage
  }

  /// All of it, and one byte more than ``bytesMax`` at most.
  private static func read(_ path: String) throws(Errno) -> [UInt8] {
    let file = FileDescriptor(owning: try systemCall { open(path, O_RDONLY | O_CLOEXEC) })
    let number = file.rawValue
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while bytes.count <= bytesMax {
      let count = try systemCall { piece.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) } }
      guard count > 0 else { break }
      bytes += piece[..<count]
    }
    return bytes
  }
}
