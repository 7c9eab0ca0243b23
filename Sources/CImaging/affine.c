#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cimaging.h"

// Products and sums round one by one, as Pillow's builds for x86-64 do: a fused one changes truncated levels.
#pragma STDC FP_CONTRACT OFF
// Functions that take or give vectors are all inlined.
#pragma GCC diagnostic ignored "-Wpsabi"

typedef uint8_t vt_bytes4 __attribute__((vector_size(4)));
typedef int32_t vt_ints4 __attribute__((vector_size(16)));
typedef double vt_doubles4 __attribute__((vector_size(32)));

// A copy of the image with four bytes a pixel, whose border is repeated, so that taps need no clamping.
enum { BORDER = 2 };

static uint8_t *bordered(const uint8_t *in, size_t width, size_t height) {
  size_t stride = (width + 2 * BORDER) * 4;
  uint8_t *copy = malloc(stride * (height + 2 * BORDER));
  if (!copy) return NULL;
  for (size_t row = 0; row < height + 2 * BORDER; row++) {
    size_t y = row < BORDER ? 0 : row - BORDER < height ? row - BORDER : height - 1;
    const uint8_t *from = in + y * width * 3;
    uint8_t *to = copy + row * stride;
    for (size_t column = 0; column < width + 2 * BORDER; column++) {
      size_t x = column < BORDER ? 0 : column - BORDER < width ? column - BORDER : width - 1;
      memcpy(to + 4 * column, from + 3 * x, 3);
      to[4 * column + 3] = 0;
    }
  }
  return copy;
}

static inline vt_ints4 pixel(const uint8_t *at) {
  vt_bytes4 bytes;
  memcpy(&bytes, at, 4);
  return __builtin_convertvector(bytes, vt_ints4);
}

static inline vt_doubles4 doubles(vt_ints4 v) { return __builtin_convertvector(v, vt_doubles4); }

static inline vt_doubles4 linear(vt_doubles4 a, vt_doubles4 b, double d) { return a + (b - a) * d; }

// Keys' cubic with a = -1, in the order of operations that Pillow has. The coefficients of bytes are whole numbers.
static inline vt_doubles4 cubic_row(const uint8_t *at, double d) {
  if (d == 0) return doubles(pixel(at + 4));
  vt_ints4 v1 = pixel(at), v2 = pixel(at + 4), v3 = pixel(at + 8), v4 = pixel(at + 12);
  vt_doubles4 p2 = doubles(v3 - v1), p3 = doubles(2 * (v1 - v2) + v3 - v4), p4 = doubles(v2 - v1 - v3 + v4);
  return doubles(v2) + d * (p2 + d * (p3 + d * p4));
}

static inline vt_doubles4 cubic(vt_doubles4 v1, vt_doubles4 v2, vt_doubles4 v3, vt_doubles4 v4, double d) {
  vt_doubles4 p2 = -v1 + v3, p3 = 2 * (v1 - v2) + v3 - v4, p4 = -v1 + v2 - v3 + v4;
  return v2 + d * (p2 + d * (p3 + d * p4));
}

static inline uint8_t truncated(double v) { return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v; }

static int interpolate(uint8_t *out, const uint8_t *in, size_t width, size_t height, const double m[6],
                       int is_bicubic) {
  uint8_t *copy = bordered(in, width, height);
  if (!copy) return -1;
  size_t stride = (width + 2 * BORDER) * 4;
  for (size_t y = 0; y < height; y++) {
    for (size_t x = 0; x < width; x++, out += 3) {
      double px = (double)x + 0.5, py = (double)y + 0.5;
      double at_x = m[0] * px + m[1] * py + m[2], at_y = m[3] * px + m[4] * py + m[5];
      // The fill colour is there already.
      if (!(at_x >= 0 && at_x < (double)width && at_y >= 0 && at_y < (double)height)) continue;
      at_x -= 0.5;
      at_y -= 0.5;
      double left = floor(at_x), top = floor(at_y), dx = at_x - left, dy = at_y - top;
      vt_doubles4 v;
      if (is_bicubic) {
        const uint8_t *at =
            copy + (size_t)((long)top - 1 + BORDER) * stride + (size_t)((long)left - 1 + BORDER) * 4;
        // Between rows, without a fraction, the second of the four is the result.
        vt_doubles4 second = cubic_row(at + stride, dx);
        v = dy == 0 ? second
                    : cubic(cubic_row(at, dx), second, cubic_row(at + 2 * stride, dx), cubic_row(at + 3 * stride, dx), dy);
      } else {
        const uint8_t *at = copy + (size_t)((long)top + BORDER) * stride + (size_t)((long)left + BORDER) * 4;
        vt_doubles4 first = linear(doubles(pixel(at)), doubles(pixel(at + 4)), dx);
        v = dy == 0 ? first
                    : linear(first, linear(doubles(pixel(at + stride)), doubles(pixel(at + stride + 4)), dx), dy);
      }
      for (int c = 0; c < 3; c++) out[c] = truncated(v[c]);
    }
  }
  free(copy);
  return 0;
}

// Pillow adds up steps along rows and columns: doubles where the axes stay, else numbers with 16 bits behind the point.
static void nearest(uint8_t *out, const uint8_t *in, size_t width, size_t height, const double m[6]) {
  if (m[1] == 0 && m[3] == 0) {
    double at_y = m[5] + m[4] * 0.5;
    for (size_t y = 0; y < height; y++, at_y += m[4]) {
      double at_x = m[2] + m[0] * 0.5;
      for (size_t x = 0; x < width; x++, at_x += m[0], out += 3) {
        if (at_x >= 0 && at_x < (double)width && at_y >= 0 && at_y < (double)height)
          memcpy(out, in + ((size_t)at_y * width + (size_t)at_x) * 3, 3);
      }
    }
    return;
  }
  int64_t step[6];
  for (int i = 0; i < 6; i++) {
    double v = i % 3 == 2 ? m[i] + m[i - 2] * 0.5 + m[i - 1] * 0.5 : m[i];
    step[i] = (int64_t)floor(v * 65536.0 + 0.5);
  }
  for (size_t y = 0; y < height; y++, step[2] += step[1], step[5] += step[4]) {
    int64_t at_x = step[2], at_y = step[5];
    for (size_t x = 0; x < width; x++, at_x += step[0], at_y += step[3], out += 3) {
      int64_t left = at_x >> 16, top = at_y >> 16;
      if (left >= 0 && left < (int64_t)width && top >= 0 && top < (int64_t)height)
        memcpy(out, in + ((size_t)top * width + (size_t)left) * 3, 3);
    }
  }
}

int vt_affine_rgb(uint8_t *out, const uint8_t *in, size_t width, size_t height, const double matrix[6],
                  const uint8_t fill[3], vt_filter filter) {
  for (size_t i = 0; i < width * height; i++) memcpy(out + 3 * i, fill, 3);
  if (filter != VT_FILTER_NEAREST)
    return interpolate(out, in, width, height, matrix, filter == VT_FILTER_BICUBIC);
  nearest(out, in, width, height, matrix);
  return 0;
}
