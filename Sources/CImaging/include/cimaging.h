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

typedef enum { VT_FILTER_BILINEAR = 0, VT_FILTER_BICUBIC = 1, VT_FILTER_NEAREST = 2 } vt_filter;

/// Resizes RGB pixels as Pillow does (Resample.c's definition): separable, the filter's support growing with
/// the scale when shrinking, weights rounded to 22-bit fixed point, 8 bits between the passes; vertical pass
/// first where Pillow 13 has it so. `like_torch`: as PyTorch does with 8-bit tensors (`interpolate` with antialias), whose weights have
/// 16 bits and whose horizontal pass is always first. Of the resized image, `full_width` by `full_height`, only `window`
/// is computed, which must be inside and not be empty. 0 on success, -1 where memory is short.
int vt_resize_rgb(uint8_t *out, size_t full_width, size_t full_height, vt_window window, const uint8_t *in,
                  size_t in_width, size_t in_height, vt_filter filter, int like_torch);

// affine.c, color.c and blur.c: changes of RGB pixels of the same size, to the bit as Pillow makes them.

/// The pixel (x, y) of `out` is that of `in` at (a x + b y + c, d x + e y + f), for the matrix's a to f and centres of
/// pixels at 0.5; `fill` where that lies outside. Bicubic has a = -1 here. The matrix leads nowhere farther than 32,767
/// pixels from the image. 0 on success, -1 where memory is short.
int vt_affine_rgb(uint8_t *out, const uint8_t *in, size_t width, size_t height, const double matrix[6],
                  const uint8_t fill[3], vt_filter filter);
/// `table` has 256 levels of red, of green and of blue.
void vt_lookup_rgb(uint8_t *out, const uint8_t *in, size_t count, const uint8_t table[768]);
/// How often there is each level of red, of green and of blue.
void vt_histogram_rgb(uint64_t histogram[768], const uint8_t *in, size_t count);
/// Of `count` pixels' luminance, each rounded.
uint64_t vt_luminance_sum(const uint8_t *in, size_t count);
/// from + factor * (to - from) in single precision, clipped and truncated.
uint8_t vt_blended(uint8_t from, uint8_t to, float factor);
/// Blends each pixel's luminance with the pixel.
void vt_saturate_rgb(uint8_t *out, const uint8_t *in, size_t count, float factor);
/// Blends a smoothed image with the image.
void vt_sharpen_rgb(uint8_t *out, const uint8_t *in, size_t width, size_t height, float factor);
/// Adds to the hue, of which 255 are a full turn, in Pillow's HSV.
void vt_shift_hue_rgb(uint8_t *out, const uint8_t *in, size_t count, uint8_t shift);
/// By three box blurs in each direction. 0 on success, -1 where memory is short.
int vt_gaussian_blur_rgb(uint8_t *out, const uint8_t *in, size_t width, size_t height, float deviation);

#endif
