#include "vector.h"

#define LANES 8
#include "elementwise_body.h"
#define LANES 16
#include "elementwise_body.h"

static void add_scaled_scalar(float *y, const float *a, const float *b, float scale, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = (float)(a[i] + (double)scale * b[i]);
}
VT_DISPATCH_WIDE(add_scaled, (float *y, const float *a, const float *b, float scale, size_t count),
                 (y, a, b, scale, count))

static void add_rows_scalar(float *y, const float *residual, const float *scales, size_t rows, size_t cols,
                            size_t ld) {
  for (size_t r = 0; r < rows; r++)
    add_scaled_scalar(y + r * ld, residual + r * ld, y + r * ld, scales ? scales[r] : 1, cols);
}
VT_DISPATCH_WIDE(add_rows,
                 (float *y, const float *residual, const float *scales, size_t rows, size_t cols, size_t ld),
                 (y, residual, scales, rows, cols, ld))

static void scale_scalar(float *x, float scale, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] *= scale;
}
VT_INLINE void scale_body(float *x, float scale, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) store8(x + i, load8(x + i) * splat8(scale));
  for (; i < count; i++) x[i] *= scale;
}
VT_DISPATCH(scale, (float *x, float scale, size_t count), (x, scale, count))

static void column_sums_scalar(float *y, const float *x, size_t rows, size_t cols, size_t ld,
                               int accumulate) {
  for (size_t c = 0; c < cols; c++) {
    double sum = accumulate ? y[c] : 0;
    for (size_t r = 0; r < rows; r++) sum += x[r * ld + c];
    y[c] = (float)sum;
  }
}
VT_DISPATCH_WIDE(column_sums,
                 (float *y, const float *x, size_t rows, size_t cols, size_t ld, int accumulate),
                 (y, x, rows, cols, ld, accumulate))

double vt_sum_of_squares(const float *x, size_t count) {
  double partial[8] = {0};
  size_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int k = 0; k < 8; k++) partial[k] += (double)x[i + k] * x[i + k];
  for (; i < count; i++) partial[i & 7] += (double)x[i] * x[i];
  return ((partial[0] + partial[4]) + (partial[2] + partial[6])) +
         ((partial[1] + partial[5]) + (partial[3] + partial[7]));
}

void vt_normalize_rgb(float *out, const uint8_t *pixels, float scale, const float *mean, const float *std,
                      int is_bgr, size_t count) {
  float table[3][256];
  for (int c = 0; c < 3; c++)
    for (int v = 0; v < 256; v++) {
      // 255 is subtracted again without rounding.
      float x = scale == 255.0f ? (float)v : (float)v / 255.0f * scale;
      table[c][v] = (x - mean[c]) / std[c];
    }
  for (size_t i = 0; i < count; i++)
    for (int c = 0; c < 3; c++) out[3 * i + c] = table[c][pixels[3 * i + (is_bgr ? 2 - c : c)]];
}
