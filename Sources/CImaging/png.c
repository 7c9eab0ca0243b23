#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "cimaging.h"
#include "exif.h"

typedef struct { const uint8_t *bytes; size_t count, at; } vt_png_source;

static void read_bytes(png_structp png, png_bytep out, png_size_t count) {
  vt_png_source *source = png_get_io_ptr(png);
  if (count > source->count - source->at) png_error(png, "the file ends early");
  memcpy(out, source->bytes + source->at, count);
  source->at += count;
}

static void fail(png_structp png, png_const_charp text) {
  snprintf(png_get_error_ptr(png), VT_IMAGE_MESSAGE, "%s", text);
  png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

int vt_decode_png(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image) {
  memset(image, 0, sizeof *image);
  image->orientation = 1;
  vt_png_source source = {bytes, count, 0};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, image->message, fail, ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  uint8_t *volatile pixels = NULL;
  png_bytep *volatile rows = NULL;
  if (!info) {
    snprintf(image->message, VT_IMAGE_MESSAGE, "not enough memory");
    png_destroy_read_struct(&png, NULL, NULL);
    return -1;
  }
  if (setjmp(png_jmpbuf(png))) {
    free(pixels);
    free(rows);
    png_destroy_read_struct(&png, &info, NULL);
    return -1;
  }
  png_set_read_fn(png, &source, read_bytes);
  png_read_info(png, info);
  uint64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
  if (width == 0 || height == 0 || width * height > max_pixels) {
    snprintf(image->message, VT_IMAGE_MESSAGE, "%llu x %llu pixels are too many",
             (unsigned long long)width, (unsigned long long)height);
    png_longjmp(png, 1);
  }
  // Everything becomes RGB or RGBA of 8 bits: palettes and small grays widened, 16 bits cut to
  // their high byte, a transparent colour made an alpha channel.
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_gray_to_rgb(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  size_t channels = png_get_channels(png, info);
  if ((channels != 3 && channels != 4) || png_get_rowbytes(png, info) != width * channels)
    png_error(png, "an unusual pixel format");
  pixels = malloc(width * height * channels);
  rows = malloc(height * sizeof *rows);
  if (!pixels || !rows) png_error(png, "not enough memory");
  for (size_t y = 0; y < height; y++) rows[y] = pixels + y * width * channels;
  png_read_image(png, rows);
  png_read_end(png, info);
#ifdef PNG_eXIf_SUPPORTED
  png_uint_32 length = 0;
  png_bytep block = NULL;
  if (png_get_eXIf_1(png, info, &length, &block)) image->orientation = vt_exif_orientation(block, length);
#endif
  free(rows);
  png_destroy_read_struct(&png, &info, NULL);
  image->width = (uint32_t)width;
  image->height = (uint32_t)height;
  image->channels = (uint32_t)channels;
  image->pixels = pixels;
  return 0;
}
