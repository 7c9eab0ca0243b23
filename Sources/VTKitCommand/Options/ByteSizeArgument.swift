import ArgumentParser
import VTCore

extension ByteSize: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }
}
