// What Swift cannot import from HDF5's header: macros. The 1.10 API is asked for by name, so that
// newer libraries give the same functions.
#ifndef VT_HDF5_SHIM_H
#define VT_HDF5_SHIM_H
#define H5_USE_110_API
#if __has_include(<hdf5.h>)
#include <hdf5.h>
#elif __has_include(<hdf5/serial/hdf5.h>)
#include <hdf5/serial/hdf5.h>
#elif __has_include("/opt/homebrew/include/hdf5.h")
#include "/opt/homebrew/include/hdf5.h"
#else
#error "HDF5's headers are missing: install libhdf5-dev (Debian) or hdf5 (Homebrew)"
#endif
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "functions.h"

// Constants would start the library and end the process where its release is not the header's; loading sees to both.
#undef H5CHECK
#define H5CHECK
#undef H5OPEN
#define H5OPEN

static inline void vt_h5_silence(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

static inline hid_t vt_h5_open(const char *path) {
  return H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
}
static inline hid_t vt_h5_create(const char *path) {
  return H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}
static inline hid_t vt_h5_open_object(hid_t parent, const char *name) {
  return H5Oopen(parent, name, H5P_DEFAULT);
}
static inline hid_t vt_h5_open_dataset(hid_t parent, const char *path) {
  return H5Dopen2(parent, path, H5P_DEFAULT);
}
/// Opens or creates the group at `path` and all groups above it.
static inline hid_t vt_h5_make_group(hid_t file, const char *path) {
  if (H5Lexists(file, path, H5P_DEFAULT) > 0) return H5Gopen2(file, path, H5P_DEFAULT);
  hid_t plan = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(plan, 1);
  hid_t group = H5Gcreate2(file, path, plan, H5P_DEFAULT, H5P_DEFAULT);
  H5Pclose(plan);
  return group;
}

typedef enum { VT_H5_HARD, VT_H5_SOFT, VT_H5_EXTERNAL, VT_H5_OTHER } vt_h5_link;
typedef void (*vt_h5_visitor)(const char *name, vt_h5_link kind, void *context);
struct vt_h5_visit { vt_h5_visitor visitor; void *context; };
static herr_t vt_h5_visit_one(hid_t group, const char *name, const H5L_info_t *info, void *data) {
  (void)group;
  struct vt_h5_visit *visit = (struct vt_h5_visit *)data;
  vt_h5_link kind = info->type == H5L_TYPE_HARD       ? VT_H5_HARD
                    : info->type == H5L_TYPE_SOFT     ? VT_H5_SOFT
                    : info->type == H5L_TYPE_EXTERNAL ? VT_H5_EXTERNAL
                                                      : VT_H5_OTHER;
  visit->visitor(name, kind, visit->context);
  return 0;
}
/// Calls `visitor` for every link of a group, in the order of names.
static inline herr_t vt_h5_links(hid_t group, vt_h5_visitor visitor, void *context) {
  struct vt_h5_visit visit = {visitor, context};
  hsize_t at = 0;
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at, vt_h5_visit_one, &visit);
}
/// Where an object lives in its file: its identity. 0 on success.
static inline int vt_h5_address(hid_t object, unsigned long long *address) {
  H5O_info_t info;
  if (H5Oget_info(object, &info) < 0) return -1;
  *address = (unsigned long long)info.addr;
  return 0;
}

/// The data's place in the file, or -1 where it is not one run of plain bytes.
static inline long long vt_h5_contiguous_offset(hid_t dataset) {
  hid_t plan = H5Dget_create_plist(dataset);
  long long offset = -1;
  if (plan >= 0) {
    // Data that nobody wrote has no place: after a user block, its "undefined" address looks like one.
    if (H5Pget_layout(plan) == H5D_CONTIGUOUS && H5Pget_external_count(plan) == 0 &&
        H5Dget_storage_size(dataset) > 0) {
      haddr_t at = H5Dget_offset(dataset);
      if (at != HADDR_UNDEF) offset = (long long)at;
    }
    H5Pclose(plan);
  }
  return offset;
}
/// Whether the dataset's values are in other files.
static inline int vt_h5_is_external(hid_t dataset) {
  hid_t plan = H5Dget_create_plist(dataset);
  if (plan < 0) return 0;
  int external = H5Pget_external_count(plan) > 0 || H5Pget_layout(plan) == H5D_VIRTUAL;
  H5Pclose(plan);
  return external;
}
static inline herr_t vt_h5_read(hid_t dataset, hid_t type, void *out) {
  return H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
}

/// A float type of `bits` with this exponent and mantissa width, little-endian.
static inline hid_t vt_h5_float_type(int bits, int exponent, int mantissa) {
  if (bits == 32) return H5Tcopy(H5T_IEEE_F32LE);
  if (bits == 64) return H5Tcopy(H5T_IEEE_F64LE);
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, bits - 1, mantissa, exponent, 0, mantissa);
  H5Tset_size(type, bits / 8);
  H5Tset_ebias(type, ((size_t)1 << (exponent - 1)) - 1);
  return type;
}
/// h5py's complex numbers: a compound of two floats, r and i, of `bits` each.
static inline hid_t vt_h5_complex_type(int bits) {
  hid_t part = bits == 32 ? H5T_IEEE_F32LE : H5T_IEEE_F64LE, type = H5Tcreate(H5T_COMPOUND, (size_t)bits / 4);
  H5Tinsert(type, "r", 0, part);
  H5Tinsert(type, "i", (size_t)bits / 8, part);
  return type;
}
static inline hid_t vt_h5_integer_type(int bits, int is_signed) {
  switch (bits) {
    case 8: return H5Tcopy(is_signed ? H5T_STD_I8LE : H5T_STD_U8LE);
    case 16: return H5Tcopy(is_signed ? H5T_STD_I16LE : H5T_STD_U16LE);
    case 32: return H5Tcopy(is_signed ? H5T_STD_I32LE : H5T_STD_U32LE);
    default: return H5Tcopy(is_signed ? H5T_STD_I64LE : H5T_STD_U64LE);
  }
}
/// h5py's bool: an enumeration of one byte.
static inline hid_t vt_h5_bool_type(void) {
  hid_t type = H5Tenum_create(H5T_STD_I8LE);
  signed char no = 0, yes = 1;
  H5Tenum_insert(type, "FALSE", &no);
  H5Tenum_insert(type, "TRUE", &yes);
  return type;
}
static inline int vt_h5_is_bool(hid_t type) {
  if (H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return 0;
  signed char no = 1, yes = 0;
  return H5Tenum_valueof(type, "FALSE", &no) >= 0 && H5Tenum_valueof(type, "TRUE", &yes) >= 0 &&
         no == 0 && yes == 1;
}
static inline hid_t vt_h5_string_type(size_t length) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, length);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

/// Creates a dataset; `compression` 0 is plain, else shuffle and deflate of that level. Close it with `H5Dclose`.
static inline hid_t vt_h5_create_dataset(hid_t file, const char *path, hid_t type, int rank,
                                         const hsize_t *shape, const hsize_t *chunk,
                                         int compression) {
  hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, shape, NULL);
  hid_t links = H5Pcreate(H5P_LINK_CREATE), plan = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  H5Pset_char_encoding(links, H5T_CSET_UTF8);
  H5Pset_obj_track_times(plan, 0);
  if (compression > 0 && rank > 0) {
    H5Pset_chunk(plan, rank, chunk);
    H5Pset_shuffle(plan);
    H5Pset_deflate(plan, (unsigned)compression);
  }
  hid_t dataset = H5Dcreate2(file, path, type, space, links, plan, H5P_DEFAULT);
  H5Pclose(plan);
  H5Pclose(links);
  H5Sclose(space);
  return dataset;
}

/// Writes rows `first` to `first + count` of the first axis, or everything where `count` is that axis's length.
static inline herr_t vt_h5_write_rows(hid_t dataset, hid_t type, int rank, const hsize_t *shape,
                                      hsize_t first, hsize_t count, const void *bytes) {
  if (rank < 1 || rank > H5S_MAX_RANK || count == shape[0])
    return H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
  hsize_t start[H5S_MAX_RANK] = {first}, block[H5S_MAX_RANK];
  for (int axis = 0; axis < rank; axis++) block[axis] = axis == 0 ? count : shape[axis];
  hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(rank, block, NULL);
  herr_t result = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, block, NULL);
  if (result >= 0) result = H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, bytes);
  H5Sclose(memory);
  H5Sclose(space);
  return result;
}

/// Writes an attribute of `count` strings of `length` bytes each, null-padded; one scalar where count < 0.
static inline herr_t vt_h5_write_strings(hid_t object, const char *name, long long count,
                                         size_t length, const void *bytes) {
  hid_t type = vt_h5_string_type(length > 0 ? length : 1);
  hsize_t size = (hsize_t)(count < 0 ? 0 : count);
  hid_t space = count < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &size, NULL);
  hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  herr_t result = attribute < 0 ? -1 : count == 0 ? 0 : H5Awrite(attribute, type, bytes);
  if (attribute >= 0) H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
  return result;
}

/// Frees the strings that reading a variable-length attribute allocated.
static inline void vt_h5_reclaim(hid_t type, hid_t space, void *strings) {
  H5Dvlen_reclaim(type, space, H5P_DEFAULT, strings);
}

typedef void (*vt_h5_attribute_visitor)(const char *name, void *context);
struct vt_h5_attribute_visit { vt_h5_attribute_visitor visitor; void *context; };
static herr_t vt_h5_attribute_one(hid_t object, const char *name, const H5A_info_t *info,
                                  void *data) {
  (void)object;
  (void)info;
  struct vt_h5_attribute_visit *visit = (struct vt_h5_attribute_visit *)data;
  visit->visitor(name, visit->context);
  return 0;
}
static inline herr_t vt_h5_attributes(hid_t object, vt_h5_attribute_visitor visitor,
                                      void *context) {
  struct vt_h5_attribute_visit visit = {visitor, context};
  hsize_t at = 0;
  return H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &at, vt_h5_attribute_one, &visit);
}
#endif
