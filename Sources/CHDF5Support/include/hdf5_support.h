#ifndef VT_HDF5_SUPPORT_H
#define VT_HDF5_SUPPORT_H

/// Teaches libhdf5 to read the LZF filter (id 32000) that h5py writes. Safe to call again.
int vt_h5_register_lzf(void);

#endif
