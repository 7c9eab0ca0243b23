// Image decoding through libjpeg and libpng, whose errors jump and so stay in C, through libwebp, libtiff and giflib,
// and of bitmaps; and Pillow's resampling. Pixels are 8-bit RGB or RGBA, row by row.
#ifndef VT_CIMAGING_H
#define VT_CIMAGING_H

#include <stddef.h>
#include <stdint.h>

enum { VT_IMAGE_MESSAGE = 200 };

typedef struct {
  uint32_t width, height;
  /// 3 (RGB) or 4 (RGBA).
  uint32_t channels;
  /// `height * width * channels` bytes, from malloc; the caller frees them.
  uint8_t *pixels;
  /// EXIF orientation, 1 to 8; 1 where none is given.
  int orientation;
  /// Why decoding failed.
  char message[VT_IMAGE_MESSAGE];
} vt_image;

/// 0 on success; otherwise `message` is set and nothing is allocated. `max_pixels` bounds width * height.
int vt_decode_jpeg(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image);
int vt_decode_png(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image);
/// The first frame, where there are several.
int vt_decode_webp(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image);
int vt_decode_gif(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image);
/// The first page.
int vt_decode_tiff(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image);
int vt_decode_bmp(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image);

/// A part of an image that is shrunk by 1, 2, 4 or 8: in pixels of the shrunk image, whose sides are the whole one's,
/// divided and rounded up.
typedef struct {
  uint32_t shrink, left, top, width, height;
} vt_region;

/// The same for a part. Shrinking happens in the frequency domain, and rows and columns outside the part are not
/// transformed, so the rest of the file goes unchecked.
int vt_decode_jpeg_region(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_region region,
                          vt_image *image);
/// Width, height and orientation alone; `pixels` stays null.
int vt_read_jpeg_size(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image);

typedef struct {
  size_t left, top, width, height;
} vt_window;

typedef enum { VT_FILTER_BILINEAR = 0, VT_FILTER_BICUBIC = 1 } vt_filter;

/// Resizes RGB pixels as Pillow does (Resample.c's definition): separable, the filter's support growing with
/// the scale when shrinking, weights rounded to 22-bit fixed point, 8 bits between the passes; vertical pass
/// first where Pillow 13 has it so. `like_torch`: as PyTorch does with 8-bit tensors (`interpolate` with antialias), whose weights have
/// 16 bits and whose horizontal pass is always first. Of the resized image, `full_width` by `full_height`, only `window`
/// is computed, which must lie inside and not be empty. 0 on success, -1 where memory is short.
int vt_resize_rgb(uint8_t *out, size_t full_width, size_t full_height, vt_window window, const uint8_t *in,
                  size_t in_width, size_t in_height, vt_filter filter, int like_torch);

#endif
