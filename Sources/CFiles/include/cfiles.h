// What Swift's view of the C library lacks.
#ifndef VT_CFILES_H
#define VT_CFILES_H

#include <stdint.h>

/// Has the system begin to write a stretch of a file to the disk, and does not wait; a hint, which some systems lack.
void vt_begin_write_back(int descriptor, int64_t offset, int64_t count);

/// Lets two files or folders of one file system change places, in a single step.
/// Returns 0, or an error number: EINVAL, ENOSYS or ENOTSUP where the file system cannot do it.
int vt_exchange(const char *first, const char *second);

#endif
