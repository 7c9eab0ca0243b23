import ArgumentParser
import VTCheckpoint

/// How HDF5 files are read, for every command that reads checkpoints.
struct HDF5Arguments: ParsableArguments {
  @Flag(
    help: """
      Read HDF5 files with the HDF5 library. It has filters that VTKit lacks, but can crash on damaged files. It looks for \
      plugins only in HDF5_PLUGIN_PATH.
      """)
  var hdf5Library = false
}

/// A command that reads checkpoints.
protocol CheckpointCommand: ParsableCommand {
  var hdf5: HDF5Arguments { get }
}

/// A command that reads a network's checkpoint.
protocol NetworkCommand: CheckpointCommand {
  var load: LoadArguments { get }
}

extension NetworkCommand {
  var hdf5: HDF5Arguments { load.hdf5 }
}
