#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cimaging.h"

// As in affine.c: no fused products and sums.
#pragma STDC FP_CONTRACT OFF

enum { PASSES = 3 };

// Of the box blur that does what a Gaussian does when it is repeated (Gwosdek et al. 2011), in Pillow's precision.
static float box_radius(float deviation) {
  float variance = deviation * deviation / PASSES;
  float length = (float)sqrt(12.0 * variance + 1.0);
  float whole = (float)floor((length - 1.0) / 2.0);
  float part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance);
  part /= 6 * (variance - (whole + 1) * (whole + 1));
  return whole + part;
}

// One line of `count` pixels, in front of and behind which `in` repeats those at the ends, as many as the box reaches and
// one more. Pixels half inside the box count in part.
static void blur_line(uint8_t *out, const uint8_t *in, size_t count, float box) {
  size_t radius = (size_t)box, width = 2 * radius + 1;
  uint32_t whole = (uint32_t)((float)(1 << 24) / (box * 2 + 1));
  uint32_t part = ((1u << 24) - (uint32_t)width * whole) / 2;
  uint32_t sum[3] = {0, 0, 0};
  for (size_t i = 0; i < 3 * width; i++) sum[i % 3] += in[i];
  for (size_t x = 0; x < count; x++, in += 3, out += 3) {
    const uint8_t *last = in + 3 * width, *next = last + 3;
    for (int c = 0; c < 3; c++) {
      sum[c] += (uint32_t)last[c] - in[c];
      out[c] = (uint8_t)((sum[c] * whole + ((uint32_t)in[c] + next[c]) * part + (1u << 23)) >> 24);
    }
  }
}

static void repeat(uint8_t *out, const uint8_t *pixel, size_t count) {
  for (size_t i = 0; i < count; i++) memcpy(out + 3 * i, pixel, 3);
}

static void transpose(uint8_t *out, const uint8_t *in, size_t width, size_t height) {
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width; x++) memcpy(out + 3 * (x * height + y), in + 3 * (y * width + x), 3);
}

int vt_gaussian_blur_rgb(uint8_t *out, const uint8_t *in, size_t width, size_t height, float deviation) {
  size_t size = 3 * width * height;
  memcpy(out, in, size);
  float box = box_radius(deviation);
  if (box <= 0) return 0;
  size_t longer = width > height ? width : height, border = (size_t)box + 1;
  uint8_t *turned = malloc(size), *line = malloc(3 * (longer + 2 * border));
  if (!turned || !line) {
    free(turned);
    free(line);
    return -1;
  }
  // Rows, then columns as rows.
  for (int direction = 0; direction < 2; direction++) {
    for (size_t row = 0; row < height; row++) {
      for (int pass = 0; pass < PASSES; pass++) {
        uint8_t *pixels = out + 3 * row * width;
        repeat(line, pixels, border);
        memcpy(line + 3 * border, pixels, 3 * width);
        repeat(line + 3 * (border + width), pixels + 3 * (width - 1), border);
        blur_line(pixels, line, width, box);
      }
    }
    transpose(turned, out, width, height);
    memcpy(out, turned, size);
    size_t side = width;
    width = height;
    height = side;
  }
  free(turned);
  free(line);
  return 0;
}
