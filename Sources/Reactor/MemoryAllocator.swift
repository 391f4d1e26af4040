import CShim

/// The C library's.
public enum MemoryAllocator {
  private static let largeBlockBytesMin: Int32 = 1 << 17

  /// Gives each block of 128 KiB or more pages of its own for as long as the process lives, so that they go back to the
  /// system when it is freed. Otherwise the first large blocks that are freed raise that limit, to 32 MiB at most, and
  /// the process keeps what the logs of busy channels leave (mallopt(3), M_MMAP_THRESHOLD).
  public static func mapLargeBlocks() { _ = shim_set_mmap_threshold(largeBlockBytesMin) }
}
