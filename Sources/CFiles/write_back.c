#if defined(__linux__)
#define _GNU_SOURCE
#include <fcntl.h>
#endif

#include "cfiles.h"

void vt_begin_write_back(int descriptor, int64_t offset, int64_t count) {
#if defined(__linux__)
  // Where the file system cannot, flushing at the end does it all.
  (void)sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
#else
  (void)descriptor, (void)offset, (void)count;
#endif
}
