/// This version of VTKit: of the command, and of the files that it writes.
package enum Version {
  package static let current = "0.1.0"
}
