/// The version of everything in this package, in one place: the daemon prints it, and clients name it to the service.
public enum ProductVersion {
  /// Semantic versioning: major, minor, patch.
  public static let number = "0.1.0"
}
