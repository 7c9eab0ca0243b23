#ifndef VT_HDF5_SUPPORT_H
#define VT_HDF5_SUPPORT_H

#include <stddef.h>

/// What became of `vt_h5_load`.
typedef enum {
  VT_H5_LOADED,
  /// No library has one of these names.
  VT_H5_MISSING,
  /// It is not of the version whose header this was built with.
  VT_H5_OTHER_VERSION,
  /// It lacks functions.
  VT_H5_INCOMPLETE,
} vt_h5_loading;
/// Loads libhdf5 by the first of `names` that fits. Nothing of `CHDF5` may be called before this has succeeded.
vt_h5_loading vt_h5_load(const char *const *names, size_t count);
/// Whether the library may load filters from plugin folders.
void vt_h5_allow_plugins(int allow);

/// Teaches libhdf5 to read the LZF filter (id 32000) that h5py writes. Safe to call again.
int vt_h5_register_lzf(void);

/// From now on a crash inside libhdf5 ends the process with exit code 3 and a sentence naming the file.
void vt_h5_report_crashes(void);
/// Says that libhdf5 works on `path` until `vt_h5_leave`.
void vt_h5_enter(const char *path);
void vt_h5_leave(void);

#endif
