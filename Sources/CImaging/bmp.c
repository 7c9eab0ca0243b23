#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cimaging.h"

// Windows bitmaps: 1 to 32 bits a pixel, palettes, bit fields, run lengths; bottom row first unless the height is
// negative. Layout: Microsoft's "Bitmap Header Types" and "Bitmap Compression".
typedef struct {
  const uint8_t *bytes;
  size_t count, data, palette, entry, colours;
  uint32_t width, height, bits, compression, masks[4];
  int top_down;
} vt_bitmap;

static unsigned u16(const uint8_t *p) { return p[0] | (unsigned)p[1] << 8; }
static uint32_t u32(const uint8_t *p) { return u16(p) | (uint32_t)u16(p + 2) << 16; }

static const char *read_header(vt_bitmap *b) {
  const uint8_t *p = b->bytes;
  uint32_t size = b->count >= 26 ? u32(p + 14) : 0;
  int old = size == 12;
  if ((!old && (size < 40 || size > 124)) || b->count < 14 + (size_t)size) return "the header is damaged or cut off";
  int32_t height = old ? (int32_t)u16(p + 20) : (int32_t)u32(p + 22);
  b->top_down = height < 0;
  b->width = old ? u16(p + 18) : u32(p + 18);
  b->height = height < 0 ? 0u - (uint32_t)height : (uint32_t)height;
  b->bits = u16(p + (old ? 24 : 28));
  b->compression = old ? 0 : u32(p + 30);
  b->data = u32(p + 10);
  b->palette = 14 + (size_t)size;
  b->entry = old ? 3 : 4;
  b->colours = old || u32(p + 46) == 0 ? 1u << (b->bits <= 8 ? b->bits : 0) : u32(p + 46);
  if (b->bits != 1 && b->bits != 2 && b->bits != 4 && b->bits != 8 && b->bits != 16 && b->bits != 24 && b->bits != 32)
    return "an unusual number of bits a pixel";
  uint32_t c = b->compression, fields = c == 3 || c == 6;
  if (c > 3 && c != 6) return "an unusual compression";
  if ((c == 1 && b->bits != 8) || (c == 2 && b->bits != 4) || (fields && b->bits != 16 && b->bits != 32))
    return "the compression does not fit the bits a pixel";
  const uint32_t usual[2][4] = {{0x7C00, 0x3E0, 0x1F, 0}, {0xFF0000, 0xFF00, 0xFF, 0}};
  memcpy(b->masks, usual[b->bits == 32], sizeof b->masks);
  size_t given = !fields ? 0 : size >= 56 || c == 6 ? 4 : 3;
  if (b->count < 54 + 4 * given) return "the header is damaged or cut off";
  for (size_t i = 0; i < given; i++) b->masks[i] = u32(p + 54 + 4 * i);
  return NULL;
}

// One field of a pixel, stretched to 0...255.
static uint8_t field(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  while (!(mask & 1)) mask >>= 1, pixel >>= 1;
  return (uint8_t)((uint64_t)(pixel & mask) * 255 / mask);
}

static void colour(const vt_bitmap *b, unsigned index, uint8_t *out) {
  size_t at = b->palette + b->entry * index;
  int known = index < b->colours && at + 3 <= b->count;
  for (int c = 0; c < 3; c++) out[c] = known ? b->bytes[at + 2 - c] : 0;
  out[3] = 255;
}

static const char *plain(const vt_bitmap *b, uint8_t *pixels) {
  uint64_t stride = ((uint64_t)b->width * b->bits + 31) / 32 * 4;
  if (b->data > b->count || stride * b->height > b->count - b->data) return "the file ends early";
  int any_alpha = 0;
  for (size_t y = 0; y < b->height; y++) {
    const uint8_t *row = b->bytes + b->data + stride * (b->top_down ? y : b->height - 1 - y);
    uint8_t *out = pixels + 4 * y * b->width;
    for (size_t x = 0; x < b->width; x++, out += 4) {
      if (b->bits <= 8) {
        size_t bit = x * b->bits;
        colour(b, row[bit / 8] >> (8 - b->bits - bit % 8) & ((1u << b->bits) - 1), out);
      } else if (b->bits == 24) {
        out[0] = row[3 * x + 2], out[1] = row[3 * x + 1], out[2] = row[3 * x], out[3] = 255;
      } else {
        uint32_t pixel = b->bits == 16 ? u16(row + 2 * x) : u32(row + 4 * x);
        for (int c = 0; c < 4; c++) out[c] = c == 3 && !b->masks[3] ? 255 : field(pixel, b->masks[c]);
      }
      any_alpha |= out[3];
    }
  }
  // Some programs leave the alpha they announce empty.
  for (size_t i = 0; !any_alpha && i < (size_t)b->width * b->height; i++) pixels[4 * i + 3] = 255;
  return NULL;
}

static const char *run_lengths(const vt_bitmap *b, uint8_t *pixels) {
  for (size_t i = 0; i < (size_t)b->width * b->height; i++) colour(b, 0, pixels + 4 * i);
  size_t at = b->data, x = 0, y = 0;
  while (y < b->height) {
    if (at > b->count || b->count - at < 2) return "the file ends early";
    unsigned n = b->bytes[at], value = b->bytes[at + 1], literal = n == 0 && value > 2;
    at += 2;
    if (n == 0 && value == 1) return NULL;
    if (n == 0 && value == 0) {
      x = 0, y++;
    } else if (n == 0 && value == 2) {
      if (b->count - at < 2) return "the file ends early";
      x += b->bytes[at], y += b->bytes[at + 1], at += 2;
    } else {
      unsigned length = literal ? value : n;
      size_t used = !literal ? 0 : b->bits == 8 ? length : (length + 1) / 2;
      if (b->count - at < used) return "the file ends early";
      for (unsigned i = 0; i < length; i++, x++) {
        unsigned byte = !literal ? value : b->bytes[at + (b->bits == 8 ? i : i / 2)];
        unsigned index = b->bits == 8 ? byte : i % 2 ? byte & 15 : byte >> 4;
        size_t row = b->top_down ? y : b->height - 1 - y;
        if (x < b->width) colour(b, index, pixels + 4 * (row * b->width + x));
      }
      // Literal runs fill whole words.
      at += used + used % 2;
    }
  }
  return NULL;
}

int vt_decode_bmp(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image) {
  memset(image, 0, sizeof *image);
  image->orientation = 1;
  vt_bitmap b = {.bytes = bytes, .count = count};
  const char *problem = read_header(&b);
  uint8_t *pixels = NULL;
  if (!problem && (b.width == 0 || b.height == 0 || (uint64_t)b.width * b.height > max_pixels)) {
    snprintf(image->message, VT_IMAGE_MESSAGE, "%u x %u pixels are too many", b.width, b.height);
    return -1;
  }
  if (!problem && !(pixels = malloc((size_t)b.width * b.height * 4))) problem = "not enough memory";
  if (!problem) problem = b.compression == 1 || b.compression == 2 ? run_lengths(&b, pixels) : plain(&b, pixels);
  if (problem) {
    snprintf(image->message, VT_IMAGE_MESSAGE, "%s", problem);
    free(pixels);
    return -1;
  }
  image->width = b.width;
  image->height = b.height;
  image->channels = 4;
  image->pixels = pixels;
  return 0;
}
