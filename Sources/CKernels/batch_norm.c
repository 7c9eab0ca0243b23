#include "vector.h"

static void column_moments_scalar(float *mean, float *m2, const float *x, size_t rows, size_t cols) {
  for (size_t c = 0; c < cols; c++) {
    double sum = 0, squares = 0;
    for (size_t r = 0; r < rows; r++) sum += x[r * cols + c];
    double m = sum / (double)rows;
    for (size_t r = 0; r < rows; r++) squares += (x[r * cols + c] - m) * (x[r * cols + c] - m);
    mean[c] = (float)m;
    m2[c] = (float)squares;
  }
}

// Columns are taken `WIDE` vectors at a time: whole cache lines of each row, and sums that stay in registers.
enum { WIDE = 4 };

VT_INLINE void column_moments_wide(float *mean, float *m2, const float *x, size_t rows, size_t cols,
                                   size_t c) {
  v8 sums[WIDE] = {0}, squares[WIDE] = {0};
  for (size_t r = 0; r < rows; r++)
    for (size_t j = 0; j < WIDE; j++) sums[j] += load8(x + r * cols + c + 8 * j);
  for (size_t j = 0; j < WIDE; j++) sums[j] /= splat8((float)rows);
  for (size_t r = 0; r < rows; r++)
    for (size_t j = 0; j < WIDE; j++) {
      v8 d = load8(x + r * cols + c + 8 * j) - sums[j];
      squares[j] += d * d;
    }
  for (size_t j = 0; j < WIDE; j++) {
    store8(mean + c + 8 * j, sums[j]);
    store8(m2 + c + 8 * j, squares[j]);
  }
}

VT_INLINE void column_moments_body(float *mean, float *m2, const float *x, size_t rows, size_t cols) {
  size_t c = 0;
  for (; c + 8 * WIDE <= cols; c += 8 * WIDE) column_moments_wide(mean, m2, x, rows, cols, c);
  for (; c < cols; c += 8) {
    size_t n = cols - c < 8 ? cols - c : 8;
    v8 sum = splat8(0), squares = splat8(0);
    for (size_t r = 0; r < rows; r++) sum += load8_part(x + r * cols + c, n);
    v8 m = sum / splat8((float)rows);
    for (size_t r = 0; r < rows; r++) {
      v8 d = load8_part(x + r * cols + c, n) - m;
      squares += d * d;
    }
    store8_part(mean + c, m, n);
    store8_part(m2 + c, squares, n);
  }
}

VT_DISPATCH(column_moments, (float *mean, float *m2, const float *x, size_t rows, size_t cols),
            (mean, m2, x, rows, cols))

static void channel_affine_scalar(float *y, const float *x, const float *scale, const float *shift,
                                  const float *residual, int relu, size_t rows, size_t cols) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c++) {
      size_t i = r * cols + c;
      double v = (double)x[i] * scale[c] + shift[c] + (residual ? residual[i] : 0);
      y[i] = (float)(relu && v < 0 ? 0 : v);
    }
}

VT_INLINE void channel_affine_body(float *y, const float *x, const float *scale, const float *shift,
                                   const float *residual, int relu, size_t rows, size_t cols) {
  size_t whole = cols / 8 * 8, rest = cols - whole;
  for (size_t r = 0; r < rows; r++) {
    size_t base = r * cols;
    for (size_t c = 0; c < whole; c += 8) {
      v8 v = load8(x + base + c) * load8(scale + c) + load8(shift + c);
      if (residual) v += load8(residual + base + c);
      store8(y + base + c, relu ? select8(v < splat8(0), splat8(0), v) : v);
    }
    if (rest) {
      v8 v = load8_part(x + base + whole, rest) * load8_part(scale + whole, rest) +
             load8_part(shift + whole, rest);
      if (residual) v += load8_part(residual + base + whole, rest);
      store8_part(y + base + whole, relu ? select8(v < splat8(0), splat8(0), v) : v, rest);
    }
  }
}

VT_DISPATCH(channel_affine,
            (float *y, const float *x, const float *scale, const float *shift,
             const float *residual, int relu, size_t rows, size_t cols),
            (y, x, scale, shift, residual, relu, rows, cols))

static void batch_norm_sums_scalar(float *dz, float *sums, float *dots, const float *dy,
                                   const float *y, const float *x, const float *mean, size_t rows,
                                   size_t cols) {
  for (size_t c = 0; c < cols; c++) {
    double sum = 0, dot = 0;
    for (size_t r = 0; r < rows; r++) {
      size_t i = r * cols + c;
      float d = y && !(y[i] > 0) ? 0 : dy[i];
      dz[i] = d;
      sum += d;
      dot += (double)d * ((double)x[i] - mean[c]);
    }
    sums[c] += (float)sum;
    dots[c] += (float)dot;
  }
}

VT_INLINE void batch_norm_sums_wide(float *dz, float *sums, float *dots, const float *dy,
                                    const float *y, const float *x, const float *mean, size_t rows,
                                    size_t cols, size_t c) {
  v8 sum[WIDE] = {0}, dot[WIDE] = {0};
  for (size_t r = 0; r < rows; r++)
    for (size_t j = 0; j < WIDE; j++) {
      size_t i = r * cols + c + 8 * j;
      v8 d = load8(dy + i);
      if (y) d = select8(load8(y + i) > splat8(0), d, splat8(0));
      store8(dz + i, d);
      sum[j] += d;
      dot[j] += d * (load8(x + i) - load8(mean + c + 8 * j));
    }
  for (size_t j = 0; j < WIDE; j++) {
    store8(sums + c + 8 * j, load8(sums + c + 8 * j) + sum[j]);
    store8(dots + c + 8 * j, load8(dots + c + 8 * j) + dot[j]);
  }
}

VT_INLINE void batch_norm_sums_body(float *dz, float *sums, float *dots, const float *dy,
                                    const float *y, const float *x, const float *mean, size_t rows,
                                    size_t cols) {
  size_t c = 0;
  for (; c + 8 * WIDE <= cols; c += 8 * WIDE)
    batch_norm_sums_wide(dz, sums, dots, dy, y, x, mean, rows, cols, c);
  for (; c < cols; c += 8) {
    size_t n = cols - c < 8 ? cols - c : 8;
    v8 sum = splat8(0), dot = splat8(0), m = load8_part(mean + c, n);
    for (size_t r = 0; r < rows; r++) {
      size_t i = r * cols + c;
      v8 d = load8_part(dy + i, n);
      if (y) d = select8(load8_part(y + i, n) > splat8(0), d, splat8(0));
      store8_part(dz + i, d, n);
      sum += d;
      dot += d * (load8_part(x + i, n) - m);
    }
    store8_part(sums + c, load8_part(sums + c, n) + sum, n);
    store8_part(dots + c, load8_part(dots + c, n) + dot, n);
  }
}

VT_DISPATCH(batch_norm_sums,
            (float *dz, float *sums, float *dots, const float *dy, const float *y, const float *x,
             const float *mean, size_t rows, size_t cols),
            (dz, sums, dots, dy, y, x, mean, rows, cols))

static void batch_norm_input_scalar(float *dx, const float *dz, const float *x, const float *mean,
                                    const float *a, const float *b, const float *c, size_t rows,
                                    size_t cols, int accumulate) {
  for (size_t r = 0; r < rows; r++)
    for (size_t k = 0; k < cols; k++) {
      size_t i = r * cols + k;
      double d = (double)a[k] * dz[i] + (double)b[k] * ((double)x[i] - mean[k]) + c[k];
      dx[i] = (float)(accumulate ? dx[i] + d : d);
    }
}

VT_INLINE void batch_norm_input_body(float *dx, const float *dz, const float *x, const float *mean,
                                     const float *a, const float *b, const float *c, size_t rows,
                                     size_t cols, int accumulate) {
  size_t whole = cols / 8 * 8;
  for (size_t r = 0; r < rows; r++) {
    size_t base = r * cols;
    for (size_t k = 0; k < whole; k += 8) {
      size_t i = base + k;
      v8 d = load8(a + k) * load8(dz + i) + load8(b + k) * (load8(x + i) - load8(mean + k)) +
             load8(c + k);
      store8(dx + i, accumulate ? load8(dx + i) + d : d);
    }
    for (size_t k = whole; k < cols; k++) {
      size_t i = base + k;
      float d = a[k] * dz[i] + b[k] * (x[i] - mean[k]) + c[k];
      dx[i] = accumulate ? dx[i] + d : d;
    }
  }
}

VT_DISPATCH(batch_norm_input,
            (float *dx, const float *dz, const float *x, const float *mean, const float *a,
             const float *b, const float *c, size_t rows, size_t cols, int accumulate),
            (dx, dz, x, mean, a, b, c, rows, cols, accumulate))
