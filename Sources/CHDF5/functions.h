// The functions and identifiers of libhdf5 that are called here. None is linked: the library is loaded when it is first needed
// (../CHDF5Support/load.c), and every name leads to a function of our own that calls what was loaded.
#ifndef VT_HDF5_FUNCTIONS_H
#define VT_HDF5_FUNCTIONS_H

// F(result, name, parameters, arguments). Names may be macros, by which HDF5 chooses a version of a function.
#define VT_H5_FUNCTIONS(F) \
  F(herr_t, H5Aclose, (hid_t attr_id), (attr_id)) \
  F(hid_t, H5Acreate2, (hid_t loc_id, const char *attr_name, hid_t type_id, hid_t space_id, hid_t acpl_id, hid_t aapl_id), \
    (loc_id, attr_name, type_id, space_id, acpl_id, aapl_id)) \
  F(htri_t, H5Aexists, (hid_t obj_id, const char *attr_name), (obj_id, attr_name)) \
  F(hid_t, H5Aget_space, (hid_t attr_id), (attr_id)) \
  F(hid_t, H5Aget_type, (hid_t attr_id), (attr_id)) \
  F(herr_t, H5Aiterate2, (hid_t loc_id, H5_index_t idx_type, H5_iter_order_t order, hsize_t *idx, H5A_operator2_t op, void *op_data), \
    (loc_id, idx_type, order, idx, op, op_data)) \
  F(hid_t, H5Aopen, (hid_t obj_id, const char *attr_name, hid_t aapl_id), (obj_id, attr_name, aapl_id)) \
  F(herr_t, H5Aread, (hid_t attr_id, hid_t type_id, void *buf), (attr_id, type_id, buf)) \
  F(herr_t, H5Awrite, (hid_t attr_id, hid_t type_id, const void *buf), (attr_id, type_id, buf)) \
  F(herr_t, H5Dclose, (hid_t dset_id), (dset_id)) \
  F(hid_t, H5Dcreate2, (hid_t loc_id, const char *name, hid_t type_id, hid_t space_id, hid_t lcpl_id, hid_t dcpl_id, hid_t dapl_id), \
    (loc_id, name, type_id, space_id, lcpl_id, dcpl_id, dapl_id)) \
  F(hid_t, H5Dget_create_plist, (hid_t dset_id), (dset_id)) \
  F(haddr_t, H5Dget_offset, (hid_t dset_id), (dset_id)) \
  F(hid_t, H5Dget_space, (hid_t dset_id), (dset_id)) \
  F(hsize_t, H5Dget_storage_size, (hid_t dset_id), (dset_id)) \
  F(hid_t, H5Dget_type, (hid_t dset_id), (dset_id)) \
  F(hid_t, H5Dopen2, (hid_t loc_id, const char *name, hid_t dapl_id), (loc_id, name, dapl_id)) \
  F(herr_t, H5Dread, (hid_t dset_id, hid_t mem_type_id, hid_t mem_space_id, hid_t file_space_id, hid_t dxpl_id, void *buf), \
    (dset_id, mem_type_id, mem_space_id, file_space_id, dxpl_id, buf)) \
  F(herr_t, H5Dvlen_reclaim, (hid_t type_id, hid_t space_id, hid_t dxpl_id, void *buf), \
    (type_id, space_id, dxpl_id, buf)) \
  F(herr_t, H5Dwrite, (hid_t dset_id, hid_t mem_type_id, hid_t mem_space_id, hid_t file_space_id, hid_t dxpl_id, const void *buf), \
    (dset_id, mem_type_id, mem_space_id, file_space_id, dxpl_id, buf)) \
  F(herr_t, H5Eset_auto2, (hid_t estack_id, H5E_auto2_t func, void *client_data), (estack_id, func, client_data)) \
  F(herr_t, H5Fclose, (hid_t file_id), (file_id)) \
  F(hid_t, H5Fcreate, (const char *filename, unsigned flags, hid_t fcpl_id, hid_t fapl_id), \
    (filename, flags, fcpl_id, fapl_id)) \
  F(hid_t, H5Fopen, (const char *filename, unsigned flags, hid_t fapl_id), (filename, flags, fapl_id)) \
  F(herr_t, H5Gclose, (hid_t group_id), (group_id)) \
  F(hid_t, H5Gcreate2, (hid_t loc_id, const char *name, hid_t lcpl_id, hid_t gcpl_id, hid_t gapl_id), \
    (loc_id, name, lcpl_id, gcpl_id, gapl_id)) \
  F(hid_t, H5Gopen2, (hid_t loc_id, const char *name, hid_t gapl_id), (loc_id, name, gapl_id)) \
  F(H5I_type_t, H5Iget_type, (hid_t id), (id)) \
  F(htri_t, H5Lexists, (hid_t loc_id, const char *name, hid_t lapl_id), (loc_id, name, lapl_id)) \
  F(herr_t, H5Literate, (hid_t grp_id, H5_index_t idx_type, H5_iter_order_t order, hsize_t *idx, H5L_iterate_t op, void *op_data), \
    (grp_id, idx_type, order, idx, op, op_data)) \
  F(herr_t, H5Oclose, (hid_t object_id), (object_id)) \
  F(herr_t, H5Oget_info, (hid_t loc_id, H5O_info_t *oinfo), (loc_id, oinfo)) \
  F(hid_t, H5Oopen, (hid_t loc_id, const char *name, hid_t lapl_id), (loc_id, name, lapl_id)) \
  F(herr_t, H5PLset_loading_state, (unsigned int plugin_control_mask), (plugin_control_mask)) \
  F(herr_t, H5Pclose, (hid_t plist_id), (plist_id)) \
  F(hid_t, H5Pcreate, (hid_t cls_id), (cls_id)) \
  F(int, H5Pget_external_count, (hid_t plist_id), (plist_id)) \
  F(H5D_layout_t, H5Pget_layout, (hid_t plist_id), (plist_id)) \
  F(herr_t, H5Pset_char_encoding, (hid_t plist_id, H5T_cset_t encoding), (plist_id, encoding)) \
  F(herr_t, H5Pset_chunk, (hid_t plist_id, int ndims, const hsize_t dim[]), (plist_id, ndims, dim)) \
  F(herr_t, H5Pset_create_intermediate_group, (hid_t plist_id, unsigned crt_intmd), (plist_id, crt_intmd)) \
  F(herr_t, H5Pset_deflate, (hid_t plist_id, unsigned level), (plist_id, level)) \
  F(herr_t, H5Pset_obj_track_times, (hid_t plist_id, hbool_t track_times), (plist_id, track_times)) \
  F(herr_t, H5Pset_shuffle, (hid_t plist_id), (plist_id)) \
  F(herr_t, H5Sclose, (hid_t space_id), (space_id)) \
  F(hid_t, H5Screate, (H5S_class_t type), (type)) \
  F(hid_t, H5Screate_simple, (int rank, const hsize_t dims[], const hsize_t maxdims[]), (rank, dims, maxdims)) \
  F(int, H5Sget_simple_extent_dims, (hid_t space_id, hsize_t dims[], hsize_t maxdims[]), (space_id, dims, maxdims)) \
  F(int, H5Sget_simple_extent_ndims, (hid_t space_id), (space_id)) \
  F(hssize_t, H5Sget_simple_extent_npoints, (hid_t space_id), (space_id)) \
  F(H5S_class_t, H5Sget_simple_extent_type, (hid_t space_id), (space_id)) \
  F(herr_t, H5Sselect_hyperslab, (hid_t space_id, H5S_seloper_t op, const hsize_t start[], const hsize_t stride[], const hsize_t count[], const hsize_t block[]), \
    (space_id, op, start, stride, count, block)) \
  F(herr_t, H5Tclose, (hid_t type_id), (type_id)) \
  F(hid_t, H5Tcopy, (hid_t type_id), (type_id)) \
  F(hid_t, H5Tcreate, (H5T_class_t type, size_t size), (type, size)) \
  F(hid_t, H5Tenum_create, (hid_t base_id), (base_id)) \
  F(herr_t, H5Tenum_insert, (hid_t type, const char *name, const void *value), (type, name, value)) \
  F(herr_t, H5Tenum_valueof, (hid_t type, const char *name, void *value), (type, name, value)) \
  F(H5T_class_t, H5Tget_class, (hid_t type_id), (type_id)) \
  F(size_t, H5Tget_ebias, (hid_t type_id), (type_id)) \
  F(herr_t, H5Tget_fields, (hid_t type_id, size_t *spos, size_t *epos, size_t *esize, size_t *mpos, size_t *msize), \
    (type_id, spos, epos, esize, mpos, msize)) \
  F(int, H5Tget_nmembers, (hid_t type_id), (type_id)) \
  F(H5T_norm_t, H5Tget_norm, (hid_t type_id), (type_id)) \
  F(int, H5Tget_offset, (hid_t type_id), (type_id)) \
  F(H5T_order_t, H5Tget_order, (hid_t type_id), (type_id)) \
  F(size_t, H5Tget_precision, (hid_t type_id), (type_id)) \
  F(H5T_sign_t, H5Tget_sign, (hid_t type_id), (type_id)) \
  F(size_t, H5Tget_size, (hid_t type_id), (type_id)) \
  F(H5T_str_t, H5Tget_strpad, (hid_t type_id), (type_id)) \
  F(herr_t, H5Tinsert, (hid_t parent_id, const char *name, size_t offset, hid_t member_id), (parent_id, name, offset, member_id)) \
  F(htri_t, H5Tis_variable_str, (hid_t type_id), (type_id)) \
  F(herr_t, H5Tset_cset, (hid_t type_id, H5T_cset_t cset), (type_id, cset)) \
  F(herr_t, H5Tset_ebias, (hid_t type_id, size_t ebias), (type_id, ebias)) \
  F(herr_t, H5Tset_fields, (hid_t type_id, size_t spos, size_t epos, size_t esize, size_t mpos, size_t msize), \
    (type_id, spos, epos, esize, mpos, msize)) \
  F(herr_t, H5Tset_size, (hid_t type_id, size_t size), (type_id, size)) \
  F(herr_t, H5Tset_strpad, (hid_t type_id, H5T_str_t strpad), (type_id, strpad)) \
  F(herr_t, H5Zregister, (const void *cls), (cls)) \
  F(herr_t, H5dont_atexit, (void), ()) \
  F(herr_t, H5get_libversion, (unsigned *majnum, unsigned *minnum, unsigned *relnum), (majnum, minnum, relnum)) \
  F(herr_t, H5open, (void), ())

// Identifiers of types and classes, which the library gives out when it starts.
#define VT_H5_IDENTIFIERS(F) \
  F(H5P_CLS_DATASET_CREATE_ID_g) F(H5P_CLS_LINK_CREATE_ID_g) F(H5T_C_S1_g) \
  F(H5T_IEEE_F32LE_g) F(H5T_IEEE_F64LE_g) \
  F(H5T_STD_I8LE_g) F(H5T_STD_I16LE_g) F(H5T_STD_I32LE_g) F(H5T_STD_I64LE_g) \
  F(H5T_STD_U8LE_g) F(H5T_STD_U16LE_g) F(H5T_STD_U32LE_g) F(H5T_STD_U64LE_g)

#define VT_H5_TEXT(text) #text
#define VT_H5_PRAGMA(text) _Pragma(VT_H5_TEXT(text))
// Names of our own for the linker: a program that links libhdf5 itself keeps its functions.
#define VT_H5_RENAME_ID(name) VT_H5_PRAGMA(redefine_extname name vt_loaded_##name)
#define VT_H5_RENAME(result, name, parameters, arguments) VT_H5_RENAME_ID(name)
VT_H5_FUNCTIONS(VT_H5_RENAME)
VT_H5_IDENTIFIERS(VT_H5_RENAME_ID)

#endif
