// The orientation that cameras write into images.
#ifndef VT_EXIF_H
#define VT_EXIF_H

#include <stddef.h>
#include <stdint.h>

/// The orientation tag (0x0112) of the first image directory of an EXIF block, which begins with TIFF's header and may
/// have "Exif\0\0" in front: 1 to 8, and 1 where it is missing or malformed.
int vt_exif_orientation(const uint8_t *bytes, size_t count);

#endif
