#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "cimaging.h"
#include "exif.h"

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf escape;
  char *message;
} vt_jpeg_error;

static void fail(j_common_ptr info) {
  vt_jpeg_error *error = (vt_jpeg_error *)info->err;
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  snprintf(error->message, VT_IMAGE_MESSAGE, "%s", text);
  longjmp(error->escape, 1);
}

// libjpeg fills in gray where a file ends early; a cut-off image is an error here.
static void note(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) fail(info);
}

// A progressive file may repeat its scans thousands of times, and each goes over all of the image. Encoders make a dozen.
static void count_scans(j_common_ptr common) {
  j_decompress_ptr info = (j_decompress_ptr)common;
  uint64_t area = (uint64_t)info->image_width * info->image_height, most = (500ULL << 20) / (area + 1);
  if (most < 64) most = 64;
  if (most > 500) most = 500;
  if (info->input_scan_number <= (int)most) return;
  vt_jpeg_error *error = (vt_jpeg_error *)info->err;
  snprintf(error->message, VT_IMAGE_MESSAGE, "more than %d scans", (int)most);
  longjmp(error->escape, 1);
}

// Pillow's CMYK to RGB: with K' = 255 - K, each is K' - C K' / 255, rounded.
static uint8_t ink(unsigned c, unsigned k) {
  unsigned keep = 255 - k, t = c * keep + 128;
  t = ((t >> 8) + t) >> 8;
  return (uint8_t)(keep > t ? keep - t : 0);
}

// The whole image, or the part of it that `region` asks for, or its size alone.
static int decode(const uint8_t *bytes, size_t count, uint64_t max_pixels, const vt_region *region,
                  int header_only, vt_image *image) {
  struct jpeg_decompress_struct info;
  vt_jpeg_error error;
  uint8_t *volatile pixels = NULL;
  uint8_t *volatile line = NULL;
  memset(image, 0, sizeof *image);
  image->orientation = 1;
  info.err = jpeg_std_error(&error.base);
  error.base.error_exit = fail;
  error.base.emit_message = note;
  error.message = image->message;
  if (setjmp(error.escape)) {
    free(pixels);
    free(line);
    jpeg_destroy_decompress(&info);
    return -1;
  }
  jpeg_create_decompress(&info);
  struct jpeg_progress_mgr progress = {.progress_monitor = count_scans};
  info.progress = &progress;
  jpeg_mem_src(&info, bytes, count);
  jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&info, TRUE);
  uint64_t area = (uint64_t)info.image_width * info.image_height;
  if (area == 0 || area > max_pixels) {
    snprintf(image->message, VT_IMAGE_MESSAGE, "%u x %u pixels are too many", info.image_width,
             info.image_height);
    jpeg_destroy_decompress(&info);
    return -1;
  }
  for (jpeg_saved_marker_ptr m = info.marker_list; m; m = m->next)
    if (m->marker == JPEG_APP0 + 1 && m->data_length >= 6 && memcmp(m->data, "Exif\0\0", 6) == 0) {
      image->orientation = vt_exif_orientation(m->data, m->data_length);
      break;
    }
  if (header_only) {
    image->width = info.image_width;
    image->height = info.image_height;
    jpeg_destroy_decompress(&info);
    return 0;
  }
  int inks = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = inks ? JCS_CMYK
                         : info.jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  // Adobe writes its inks inverted.
  int inverted = info.saw_Adobe_marker;
  if (region) {
    info.scale_num = 1;
    info.scale_denom = region->shrink;
  }
  jpeg_start_decompress(&info);
  size_t top = 0, left = 0, height = info.output_height;
  if (region) {
    // Whole blocks of columns are decoded, and a few more than asked: chroma is interpolated between neighbours.
    size_t right = region->left + region->width + 8;
    if (region->width == 0 || region->height == 0 || region->left >= info.output_width ||
        region->width > info.output_width - region->left || region->top >= info.output_height ||
        region->height > info.output_height - region->top) {
      snprintf(image->message, VT_IMAGE_MESSAGE, "a part outside the image was asked for");
      jpeg_destroy_decompress(&info);
      return -1;
    }
    if (right > info.output_width) right = info.output_width;
    JDIMENSION from = region->left > 8 ? region->left - 8 : 0, wide = (JDIMENSION)right - from;
    if (wide < info.output_width) jpeg_crop_scanline(&info, &from, &wide);
    left = region->left - from;
    top = region->top;
    height = region->height;
    if (top > 0) jpeg_skip_scanlines(&info, (JDIMENSION)top);
  }
  size_t width = info.output_width, parts = info.output_components;
  pixels = malloc(width * height * 3);
  line = malloc(width * parts);
  if (!pixels || !line) {
    snprintf(image->message, VT_IMAGE_MESSAGE, "not enough memory");
    longjmp(error.escape, 1);
  }
  while (info.output_scanline < top + height) {
    uint8_t *out = pixels + (info.output_scanline - top) * width * 3;
    JSAMPROW row = parts == 3 ? out : line;
    jpeg_read_scanlines(&info, &row, 1);
    if (parts == 1)
      for (size_t x = 0; x < width; x++) out[3 * x] = out[3 * x + 1] = out[3 * x + 2] = line[x];
    if (parts == 4)
      for (size_t x = 0; x < width; x++) {
        unsigned flip = inverted ? 255 : 0, k = line[4 * x + 3] ^ flip;
        for (int c = 0; c < 3; c++) out[3 * x + c] = ink(line[4 * x + c] ^ flip, k);
      }
  }
  if (region) {
    // The columns asked for, moved together; the rest of the file need not be read.
    for (size_t y = 0; y < height; y++)
      memmove(pixels + y * region->width * 3, pixels + (y * width + left) * 3, region->width * 3);
    width = region->width;
  } else {
    jpeg_finish_decompress(&info);
  }
  jpeg_destroy_decompress(&info);
  free(line);
  image->width = (uint32_t)width;
  image->height = (uint32_t)height;
  image->channels = 3;
  image->pixels = pixels;
  return 0;
}

int vt_decode_jpeg(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image) {
  return decode(bytes, count, max_pixels, 0, 0, image);
}

int vt_decode_jpeg_region(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_region region,
                          vt_image *image) {
  return decode(bytes, count, max_pixels, &region, 0, image);
}

int vt_read_jpeg_size(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image) {
  return decode(bytes, count, max_pixels, 0, 1, image);
}
