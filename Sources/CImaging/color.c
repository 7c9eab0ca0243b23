#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cimaging.h"

// As in affine.c: no fused products and sums.
#pragma STDC FP_CONTRACT OFF

void vt_lookup_rgb(uint8_t *out, const uint8_t *in, size_t count, const uint8_t table[768]) {
  for (size_t i = 0; i < count; i++, in += 3, out += 3) {
    out[0] = table[in[0]];
    out[1] = table[256 + in[1]];
    out[2] = table[512 + in[2]];
  }
}

void vt_histogram_rgb(uint64_t histogram[768], const uint8_t *in, size_t count) {
  memset(histogram, 0, 768 * sizeof(uint64_t));
  for (size_t i = 0; i < count; i++, in += 3) {
    histogram[in[0]]++;
    histogram[256 + in[1]]++;
    histogram[512 + in[2]]++;
  }
}

// ITU-R BT.601, rounded as Pillow's `convert("L")` rounds.
static inline uint8_t luminance(const uint8_t *rgb) {
  return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

uint64_t vt_luminance_sum(const uint8_t *in, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++, in += 3) sum += luminance(in);
  return sum;
}

uint8_t vt_blended(uint8_t from, uint8_t to, float factor) {
  float v = (float)from + factor * (float)((int)to - (int)from);
  v = v > 0 ? v : 0;
  return (uint8_t)(v < 255 ? v : 255);
}

void vt_saturate_rgb(uint8_t *out, const uint8_t *in, size_t count, float factor) {
  for (size_t i = 0; i < count; i++, in += 3, out += 3) {
    uint8_t gray = luminance(in);
    for (int c = 0; c < 3; c++) out[c] = vt_blended(gray, in[c], factor);
  }
}

void vt_sharpen_rgb(uint8_t *out, const uint8_t *in, size_t width, size_t height, float factor) {
  size_t row = 3 * width;
  for (size_t y = 0; y < height; y++) {
    const uint8_t *at = in + y * row;
    uint8_t *to = out + y * row;
    if (y == 0 || y + 1 == height || width < 3) {
      memcpy(to, at, row);
      continue;
    }
    memcpy(to, at, 3);
    const uint8_t *above = at - row, *below = at + row;
    for (size_t i = 3; i < row - 3; i++) {
      int sum = above[i - 3] + above[i] + above[i + 3] + at[i - 3] + 5 * at[i] + at[i + 3] + below[i - 3] +
                below[i] + below[i + 3];
      // Rounded; no sum over 13 lies in the middle.
      to[i] = vt_blended((uint8_t)((2 * sum + 13) / 26), at[i], factor);
    }
    memcpy(to + row - 3, at + row - 3, 3);
  }
}

static inline uint8_t clipped(int v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

void vt_shift_hue_rgb(uint8_t *out, const uint8_t *in, size_t count, uint8_t shift) {
  for (size_t i = 0; i < count; i++, in += 3, out += 3) {
    int r = in[0], g = in[1], b = in[2];
    int most = r > g ? r : g, least = r < g ? r : g;
    if (b > most) most = b;
    if (b < least) least = b;
    uint8_t hue = 0, saturation = 0, value = (uint8_t)most;
    // Pillow's mixture of float and double, whose roundings show in the bytes.
    if (most != least) {
      float range = (float)(most - least);
      float red = (float)(most - r) / range, green = (float)(most - g) / range, blue = (float)(most - b) / range;
      float h = r == most ? blue - green : g == most ? (float)(2.0 + red - blue) : (float)(4.0 + green - red);
      double turn = h / 6.0 + 1.0;
      h = (float)(turn < 1 ? turn : turn - 1);
      hue = clipped((int)(h * 255.0));
      saturation = clipped((int)(range / (float)most * 255.0));
    }
    hue = (uint8_t)(hue + shift);
    if (saturation == 0) {
      out[0] = out[1] = out[2] = value;
      continue;
    }
    double sixths = (float)hue * 6.0 / 255.0;
    int sector = (int)sixths;
    float f = (float)(sixths - (double)(float)sector), fs = (float)(saturation / 255.0);
    uint8_t p = clipped((int)round(value * (1.0 - fs))), q = clipped((int)round(value * (1.0 - fs * f)));
    uint8_t t = clipped((int)round(value * (1.0 - fs * (1.0 - f))));
    const uint8_t sectors[6][3] = {{value, t, p}, {q, value, p}, {p, value, t},
                                   {p, q, value}, {t, p, value}, {value, p, q}};
    memcpy(out, sectors[sector % 6], 3);
  }
}
