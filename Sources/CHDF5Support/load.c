// libhdf5, loaded when it is first needed: it brings a dozen other libraries along, and only writing HDF5 files and
// `--hdf5-library` want it.
#include <dlfcn.h>

#include "../CHDF5/shim.h"
#include "hdf5_support.h"

// Expands a name that is a macro.
#define NAME(name) VT_H5_TEXT(name)

#define FIELD(result, name, parameters, arguments) __typeof__(name) *name;
static struct {
  VT_H5_FUNCTIONS(FIELD)
} loaded;

#define FUNCTION(result, name, parameters, arguments) \
  result name parameters { return loaded.name arguments; }
VT_H5_FUNCTIONS(FUNCTION)

#define IDENTIFIER(name) hid_t name;
VT_H5_IDENTIFIERS(IDENTIFIER)

static vt_h5_loading load(void *library) {
  __typeof__(loaded) found;
  int missing = 0;
#define FIND(result, name, parameters, arguments) \
  found.name = (__typeof__(name) *)dlsym(library, NAME(name)); \
  missing += !found.name;
  VT_H5_FUNCTIONS(FIND)
  if (missing) return VT_H5_INCOMPLETE;
  // At exit the library would flush files whose writing failed, and crash over them. Must come before all else.
  unsigned major = 0, minor = 0, release = 0;
  if (found.H5dont_atexit() < 0 || found.H5get_libversion(&major, &minor, &release) < 0) return VT_H5_INCOMPLETE;
  // Structures may differ from one minor version to the next.
  if (major != H5_VERS_MAJOR || minor != H5_VERS_MINOR) return VT_H5_OTHER_VERSION;
  if (found.H5open() < 0) return VT_H5_INCOMPLETE;
#define COPY(name) \
  { \
    const hid_t *value = (const hid_t *)dlsym(library, NAME(name)); \
    if (!value) return VT_H5_INCOMPLETE; \
    name = *value; \
  }
  VT_H5_IDENTIFIERS(COPY)
  loaded = found;
  return VT_H5_LOADED;
}

vt_h5_loading vt_h5_load(const char *const *names, size_t count) {
  vt_h5_loading best = VT_H5_MISSING;
  for (size_t i = 0; i < count; i++) {
    void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) continue;
    // Never closed: what was called may have left something behind.
    best = load(library);
    if (best == VT_H5_LOADED) break;
  }
  return best;
}

void vt_h5_allow_plugins(int allow) { H5PLset_loading_state(allow ? H5PL_ALL_PLUGIN : 0); }
