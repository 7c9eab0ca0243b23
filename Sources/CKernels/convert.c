#include <math.h>
#include <string.h>

#include "ckernels.h"

// The two innermost loops run over a tile, so that reads and writes both stay in cache when the fastest input axis is
// not the fastest output axis.
#define VT_TILE 16

#define VT_PLANE(type)                                                                     \
  static void plane_##type(type *out, const type *in, size_t rows, size_t cols,            \
                           size_t in_row, size_t in_col, size_t out_row) {                 \
    if (in_col == 1) {                                                                     \
      for (size_t r = 0; r < rows; r++)                                                    \
        memcpy(out + r * out_row, in + r * in_row, cols * sizeof(type));                   \
      return;                                                                              \
    }                                                                                      \
    for (size_t r0 = 0; r0 < rows; r0 += VT_TILE)                                          \
      for (size_t c0 = 0; c0 < cols; c0 += VT_TILE) {                                      \
        size_t r1 = r0 + VT_TILE < rows ? r0 + VT_TILE : rows;                             \
        size_t c1 = c0 + VT_TILE < cols ? c0 + VT_TILE : cols;                             \
        for (size_t r = r0; r < r1; r++)                                                   \
          for (size_t c = c0; c < c1; c++)                                                 \
            out[r * out_row + c] = in[r * in_row + c * in_col];                            \
      }                                                                                    \
  }

typedef struct { uint64_t a, b; } wide16;
typedef uint8_t width1;
typedef uint16_t width2;
typedef uint32_t width4;
typedef uint64_t width8;
VT_PLANE(width1)
VT_PLANE(width2)
VT_PLANE(width4)
VT_PLANE(width8)
VT_PLANE(wide16)

void vt_permute_bytes(void *out, const void *in, const size_t *shape, const int *order, int rank,
                      size_t width, size_t first, size_t count) {
  // Axes in the output's order: size, stride in the input. Unit axes are dropped, and neighbours that stay neighbours
  // in the input are merged.
  size_t stride[16], size[16], step[16];
  size_t s = 1, total = 1, begin = 0;
  int cut = 0;
  for (int k = rank - 1; k >= 0; k--) { stride[k] = s; s *= shape[k]; }
  int n = 0;
  for (int k = 0; k < rank; k++) {
    size_t length = shape[order[k]], at = stride[order[k]];
    if (length == 1) continue;
    if (!cut) {
      begin = first * at;
      length = count < length - first ? count : length - first;
      cut = 1;
    }
    total *= length;
    if (n > 0 && step[n - 1] == at * length) { size[n - 1] *= length; step[n - 1] = at; }
    else { size[n] = length; step[n] = at; n++; }
  }
  if (total == 0) return;
  if (n == 0) { size[0] = 1; step[0] = 1; n = 1; }
  if (n == 1) { size[1] = size[0]; step[1] = step[0]; size[0] = 1; step[0] = 0; n = 2; }
  // The plane pairs the last output axis with the axis that is fastest in the input.
  int fast = n - 2;
  for (int k = 0; k < n - 1; k++) if (step[k] < step[fast]) fast = k;
  size_t out_stride[16];
  s = 1;
  for (int k = n - 1; k >= 0; k--) { out_stride[k] = s; s *= size[k]; }
  size_t index[16] = {0};
  for (;;) {
    size_t from = 0, to = 0;
    for (int k = 0; k < n - 1; k++)
      if (k != fast) { from += index[k] * step[k]; to += index[k] * out_stride[k]; }
    size_t rows = size[fast], cols = size[n - 1];
    char *o = (char *)out + to * width;
    const char *i = (const char *)in + (begin + from) * width;
#define VT_RUN(type) plane_##type((type *)o, (const type *)i, rows, cols, step[fast], step[n - 1], out_stride[fast])
    switch (width) {
      case 1: VT_RUN(width1); break;
      case 2: VT_RUN(width2); break;
      case 4: VT_RUN(width4); break;
      case 8: VT_RUN(width8); break;
      default: VT_RUN(wide16); break;
    }
    int k = n - 2;
    for (; k >= 0; k--) {
      if (k == fast) continue;
      if (++index[k] < size[k]) break;
      index[k] = 0;
    }
    if (k < 0) return;
  }
}

void vt_swap_bytes(void *out, const void *in, size_t count, size_t width) {
  const uint8_t *a = in;
  uint8_t *b = out;
  for (size_t i = 0; i < count; i++) {
    uint8_t t[16];
    for (size_t k = 0; k < width; k++) t[k] = a[i * width + width - 1 - k];
    memcpy(b + i * width, t, width);
  }
}

void vt_f32_from_f16(float *out, const void *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t h;
    memcpy(&h, (const char *)in + 2 * i, 2);
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023;
    uint32_t bits;
    if (exponent == 31) bits = sign | 0x7F800000u | mantissa << 13;
    else if (exponent) bits = sign | (exponent + 112) << 23 | mantissa << 13;
    else {
      float f = (float)mantissa * 0x1p-24f;
      memcpy(&bits, &f, 4);
      bits |= sign;
    }
    memcpy(out + i, &bits, 4);
  }
}

void vt_f32_from_bf16(float *out, const void *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t h;
    memcpy(&h, (const char *)in + 2 * i, 2);
    uint32_t bits = (uint32_t)h << 16;
    memcpy(out + i, &bits, 4);
  }
}

void vt_f16_from_f32(void *out, const float *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, in + i, 4);
    uint32_t sign = (bits >> 16) & 0x8000, rest = bits & 0x7FFFFFFF;
    uint16_t h;
    if (rest > 0x7F800000u) h = (uint16_t)(sign | 0x7E00 | ((rest >> 13) & 0x3FF));
    else if (rest >= 0x47800000u) h = (uint16_t)(sign | 0x7C00);  // 65536 and above
    else if (rest < 0x38800000u) {  // below the smallest normal: a multiple of 2^-24
      float f;
      memcpy(&f, &rest, 4);
      h = (uint16_t)(sign | (uint32_t)rintf(f * 0x1p24f));
    } else {
      uint32_t rounded = rest + 0xFFF + ((rest >> 13) & 1);
      h = (uint16_t)(sign | ((rounded - 0x38000000u) >> 13));
    }
    memcpy((char *)out + 2 * i, &h, 2);
  }
}

void vt_bf16_from_f32(void *out, const float *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, in + i, 4);
    uint16_t h = (bits & 0x7FFFFFFF) > 0x7F800000u
                     ? (uint16_t)(bits >> 16 | 0x40)
                     : (uint16_t)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    memcpy((char *)out + 2 * i, &h, 2);
  }
}

#define VT_UNSHUFFLE(type, terms)                                        \
  for (size_t i = 0; i < count; i++) {                                   \
    type v = terms;                                                      \
    memcpy((char *)out + i * sizeof(type), &v, sizeof(type));            \
  }

void vt_unshuffle(void *restrict out, const void *in, size_t count, size_t width) {
  const uint8_t *restrict b = in;
  if (width == 2) {
    VT_UNSHUFFLE(uint16_t, (uint16_t)(b[i] | b[count + i] << 8))
  } else if (width == 4) {
    VT_UNSHUFFLE(uint32_t, (uint32_t)b[i] | (uint32_t)b[count + i] << 8 | (uint32_t)b[2 * count + i] << 16 |
                               (uint32_t)b[3 * count + i] << 24)
  } else {
    for (size_t k = 0; k < width; k++)
      for (size_t i = 0; i < count; i++) ((uint8_t *)out)[i * width + k] = b[k * count + i];
  }
}
