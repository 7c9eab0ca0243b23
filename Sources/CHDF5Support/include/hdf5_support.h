#ifndef VT_HDF5_SUPPORT_H
#define VT_HDF5_SUPPORT_H

/// Teaches libhdf5 to read the LZF filter (id 32000) that h5py writes. Safe to call again.
int vt_h5_register_lzf(void);

/// From now on a crash inside libhdf5 ends the process with exit code 3 and a sentence naming the file.
void vt_h5_report_crashes(void);
/// Says that libhdf5 works on `path` until `vt_h5_leave`.
void vt_h5_enter(const char *path);
void vt_h5_leave(void);

#endif
