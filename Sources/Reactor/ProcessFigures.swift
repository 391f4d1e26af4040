import Glibc

/// What the kernel knows about this process, read now: `getrusage(2)` and `/proc/self`.
public struct ProcessFigures: Sendable {
  /// User and system CPU time since the start, in nanoseconds.
  public let cpuNanoseconds: Int64
  /// Resident memory in bytes.
  public let residentBytes: Int
  /// Virtual memory in bytes.
  public let virtualBytes: Int
  /// Open file descriptors.
  public let openDescriptors: Int
  /// How many it may open: the soft limit.
  public let maxDescriptors: Int
  /// When the figures were first asked for is not when the process started: this is, in nanoseconds since 1970.
  public let startUnixNanoseconds: Int64

  /// The figures of this moment; a figure that cannot be read is 0.
  public init() {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    cpuNanoseconds = Self.nanoseconds(usage.ru_utime) + Self.nanoseconds(usage.ru_stime)
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let pages = Self.read("/proc/self/statm").split(separator: " ").compactMap { Int($0) }
    virtualBytes = pages.count > 1 ? pages[0] * page : 0
    residentBytes = pages.count > 1 ? pages[1] * page : 0
    openDescriptors = Self.countDescriptors()
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    maxDescriptors = Int(clamping: limit.rlim_cur)
    startUnixNanoseconds = Self.startTime()
  }

  private static func nanoseconds(_ time: timeval) -> Int64 {
    Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_usec) * 1000
  }

  private static func startTime() -> Int64 {
    let ticksPerSecond = Int64(sysconf(Int32(_SC_CLK_TCK)))
    guard let sinceBoot = startNanoseconds(stat: read("/proc/self/stat"), ticksPerSecond: ticksPerSecond) else {
      return 0
    }
    var boot = timespec()
    clock_gettime(CLOCK_BOOTTIME, &boot)
    let uptime = Int64(boot.tv_sec) * 1_000_000_000 + Int64(boot.tv_nsec)
    return Int64(WallClock.unixNanoseconds()) - uptime + sinceBoot
  }

  /// How long the machine had been up when the process of that `/proc/PID/stat` started, in nanoseconds; nil when it does
  /// not say.
  static func startNanoseconds(stat: String, ticksPerSecond: Int64) -> Int64? {
    // The field after the command's name, which may hold anything, is the third; the start is the 22nd, in clock ticks.
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 19, let ticks = Int64(fields[19]) else { return nil }
    // Whole seconds first: ticks times a thousand million are too many for 64 bits once a machine has been up for three
    // years.
    return ticks / ticksPerSecond * 1_000_000_000 + ticks % ticksPerSecond * 1_000_000_000 / ticksPerSecond
  }

  private static func countDescriptors() -> Int {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return max(0, count - 3)  // `.`, `..` and the directory itself
  }

  private static func read(_ path: String) -> String {
    guard let file = fopen(path, "re") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
