// The image decoders under sanitizers: every file given, whole and then damaged a few hundred times, is decoded by each
// decoder that might be asked to, and what comes out is resized. mutate.c SEED RUNS FILE...; see scripts/test-sanitizers.sh.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cimaging.h"

enum { MAX_PIXELS = 1 << 20 };

static uint64_t state;
static unsigned long decoded, refused, faults;

// xorshift64 (Marsaglia 2003); a number below `bound`.
static size_t below(size_t bound) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return bound ? (size_t)(state >> 11) % bound : 0;
}

static void expect(int holds, const char *what) {
  if (holds) return;
  faults++;
  printf("%s\n", what);
}

// Reads every pixel, so that a buffer that is too short shows itself.
static void use(int status, vt_image *image) {
  if (status != 0) {
    refused++;
    expect(memchr(image->message, 0, VT_IMAGE_MESSAGE) && image->message[0], "refused without a message");
    return;
  }
  decoded++;
  expect((uint64_t)image->width * image->height <= MAX_PIXELS, "more pixels than allowed");
  expect(image->orientation >= 1 && image->orientation <= 8, "an orientation that there is not");
  size_t count = (size_t)image->width * image->height * image->channels;
  volatile unsigned sum = 0;
  for (size_t i = 0; i < count; i++) sum += image->pixels[i];
  if (image->channels == 3) {
    size_t width = 1 + below(64), height = 1 + below(64);
    vt_window window = {below(width), below(height), 0, 0};
    window.width = 1 + below(width - window.left);
    window.height = 1 + below(height - window.top);
    uint8_t *out = malloc(window.width * window.height * 3);
    int done = vt_resize_rgb(out, width, height, window, image->pixels, image->width, image->height, (vt_filter)below(2), (int)below(2));
    expect(done == 0, "a resize that fails");
    for (size_t i = 0; done == 0 && i < window.width * window.height * 3; i++) sum += out[i];
    free(out);
  }
  free(image->pixels);
}

static void jpeg_regions(const uint8_t *bytes, size_t count) {
  vt_image whole, part;
  if (vt_read_jpeg_size(bytes, count, MAX_PIXELS, &whole) != 0) return;
  vt_region region = {.shrink = 1u << below(4)};
  uint32_t width = (whole.width + region.shrink - 1) / region.shrink, height = (whole.height + region.shrink - 1) / region.shrink;
  region.left = (uint32_t)below(width);
  region.top = (uint32_t)below(height);
  region.width = 1 + (uint32_t)below(width - region.left);
  region.height = 1 + (uint32_t)below(height - region.top);
  use(vt_decode_jpeg_region(bytes, count, MAX_PIXELS, region, &part), &part);
}

typedef int (*decoder)(const uint8_t *, size_t, uint64_t, vt_image *);

static void decode(decoder which, const uint8_t *bytes, size_t count) {
  // Exactly its bytes, so that reading past them is seen.
  uint8_t *file = malloc(count ? count : 1);
  memcpy(file, bytes, count);
  vt_image image;
  use(which(file, count, MAX_PIXELS, &image), &image);
  if (which == vt_decode_jpeg) jpeg_regions(file, count);
  free(file);
}

static size_t damage(uint8_t *b, size_t count) {
  for (size_t times = 1 + below(4); times > 0 && count > 0; times--) {
    size_t at = below(2) ? below(count) : below(count < 700 ? count : 700), length = 1 + below(64);
    switch (below(6)) {
      case 0: b[at] ^= 1 << below(8); break;
      case 1: b[at] = (uint8_t)below(256); break;
      case 2: b[at] = below(2) ? 0 : 255; break;
      case 3:  // cut out
        if (at + length < count) memmove(b + at, b + at + length, count - at - length), count -= length;
        break;
      case 4: {  // written twice
        size_t from = below(count);
        if (from + length < count && at + length < count) memmove(b + at, b + from, length);
        break;
      }
      case 5:
        if (below(4) == 0) count = below(count);
        break;
    }
  }
  return count;
}

static decoder decoder_of(const char *path) {
  const char *dot = strrchr(path, '.');
  const struct { const char *suffix; decoder decode; } known[] = {
      {".jpg", vt_decode_jpeg}, {".png", vt_decode_png}, {".webp", vt_decode_webp},
      {".gif", vt_decode_gif}, {".tiff", vt_decode_tiff}, {".tif", vt_decode_tiff}, {".bmp", vt_decode_bmp}};
  for (size_t i = 0; dot && i < sizeof known / sizeof *known; i++)
    if (strcmp(dot, known[i].suffix) == 0) return known[i].decode;
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  state = 88172645463325252ull + strtoull(argv[1], 0, 10) * 7919;
  int runs = atoi(argv[2]);
  for (int k = 3; k < argc; k++) {
    decoder which = decoder_of(argv[k]);
    FILE *file = fopen(argv[k], "rb");
    if (!which || !file) {
      printf("%s: cannot be opened, or is of no known kind\n", argv[k]);
      return 2;
    }
    static uint8_t whole[1 << 20], damaged[1 << 20];
    size_t count = fread(whole, 1, sizeof whole, file);
    fclose(file);
    decode(which, whole, count);
    for (int run = 0; run < runs; run++) {
      memcpy(damaged, whole, count);
      decode(which, damaged, damage(damaged, count));
    }
  }
  printf("%lu decoded, %lu refused, %lu faults\n", decoded, refused, faults);
  return faults != 0 || decoded == 0 || refused == 0;
}
