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

// One pass over memory in order, four rows at a time: sums of distances from the first row, which are then converted to
// distances from the mean.
VT_INLINE void column_moments_body(float *mean, float *m2, const float *x, size_t rows, size_t cols) {
  size_t whole = cols / 8 * 8, r = 0;
  memset(mean, 0, cols * sizeof(float));
  memset(m2, 0, cols * sizeof(float));
  for (; r + 4 <= rows; r += 4) {
    const float *from = x + r * cols;
    for (size_t c = 0; c < whole; c += 8) {
      v8 first = load8(x + c);
      v8 d0 = load8(from + c) - first, d1 = load8(from + cols + c) - first;
      v8 d2 = load8(from + 2 * cols + c) - first, d3 = load8(from + 3 * cols + c) - first;
      store8(mean + c, load8(mean + c) + ((d0 + d1) + (d2 + d3)));
      store8(m2 + c, load8(m2 + c) + ((d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)));
    }
  }
  for (size_t q = 0; q < rows; q++)
    for (size_t c = q < r ? whole : 0; c < cols; c++) {
      float d = x[q * cols + c] - x[c];
      mean[c] += d;
      m2[c] += d * d;
    }
  for (size_t c = 0; c < cols; c++) {
    float sum = mean[c], average = sum / (float)rows;
    mean[c] = x[c] + average;
    m2[c] = m2[c] - sum * average;
    if (m2[c] < 0) m2[c] = 0;
  }
}

VT_DISPATCH(column_moments, (float *mean, float *m2, const float *x, size_t rows, size_t cols),
            (mean, m2, x, rows, cols))

// Chan, Golub and LeVeque (1983), in double, pieces in order.
void vt_merge_moments(float *mean, float *variance, const float *pieces, const size_t *counts,
                      size_t number, size_t cols) {
  for (size_t c = 0; c < cols; c++) {
    double count = 0, average = 0, squares = 0;
    for (size_t p = 0; p < number; p++) {
      const float *piece = pieces + p * 2 * cols;
      double n = (double)counts[p], delta = piece[c] - average;
      average += delta * n / (count + n);
      squares += piece[cols + c] + delta * delta * count * n / (count + n);
      count += n;
    }
    mean[c] = (float)average;
    variance[c] = (float)(squares / count);
  }
}

void vt_column_totals(double *totals, const float *x, size_t rows, size_t cols) {
  for (size_t c = 0; c < cols; c++) totals[c] = 0;
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c++) totals[c] += x[r * cols + c];
}

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
      v8 v = load_part8(x + base + whole, rest) * load_part8(scale + whole, rest) +
             load_part8(shift + whole, rest);
      if (residual) v += load_part8(residual + base + whole, rest);
      store_part8(y + base + whole, relu ? select8(v < splat8(0), splat8(0), v) : v, rest);
    }
  }
}

VT_DISPATCH(channel_affine,
            (float *y, const float *x, const float *scale, const float *shift,
             const float *residual, int relu, size_t rows, size_t cols),
            (y, x, scale, shift, residual, relu, rows, cols))

// Whether element i, of channel c, passes what follows the norm.
VT_INLINE int is_open(vt_gate gate, const float *x, size_t i, size_t c) {
  if (gate.y) return gate.y[i] > 0;
  return !gate.scale || x[i] * gate.scale[c] + gate.shift[c] > 0;
}
VT_INLINE v8 opened8(v8 dy, vt_gate gate, v8 x, size_t i, size_t c) {
  if (gate.y) return select8(load8(gate.y + i) > splat8(0), dy, splat8(0));
  if (!gate.scale) return dy;
  return select8(x * load8(gate.scale + c) + load8(gate.shift + c) > splat8(0), dy, splat8(0));
}

static void batch_norm_sums_scalar(float *sums, float *dots, const float *dy, vt_gate gate,
                                   const float *x, const float *mean, size_t rows, size_t cols) {
  for (size_t c = 0; c < cols; c++) {
    double sum = 0, dot = 0;
    for (size_t r = 0; r < rows; r++) {
      size_t i = r * cols + c;
      float d = is_open(gate, x, i, c) ? dy[i] : 0;
      sum += d;
      dot += (double)d * ((double)x[i] - mean[c]);
    }
    sums[c] += (float)sum;
    dots[c] += (float)dot;
  }
}

// In memory order, two rows at a time.
VT_INLINE void batch_norm_sums_body(float *sums, float *dots, const float *dy, vt_gate gate,
                                    const float *x, const float *mean, size_t rows, size_t cols) {
  size_t whole = cols / 8 * 8, r = 0;
  for (; r + 2 <= rows; r += 2)
    for (size_t c = 0; c < whole; c += 8) {
      size_t i = r * cols + c, k = i + cols;
      v8 m = load8(mean + c), x0 = load8(x + i), x1 = load8(x + k);
      v8 d0 = opened8(load8(dy + i), gate, x0, i, c), d1 = opened8(load8(dy + k), gate, x1, k, c);
      store8(sums + c, load8(sums + c) + (d0 + d1));
      store8(dots + c, load8(dots + c) + (d0 * (x0 - m) + d1 * (x1 - m)));
    }
  for (size_t q = 0; q < rows; q++)
    for (size_t c = q < r ? whole : 0; c < cols; c++) {
      size_t i = q * cols + c;
      float d = is_open(gate, x, i, c) ? dy[i] : 0;
      sums[c] += d;
      dots[c] += d * (x[i] - mean[c]);
    }
}

VT_DISPATCH(batch_norm_sums,
            (float *sums, float *dots, const float *dy, vt_gate gate, const float *x,
             const float *mean, size_t rows, size_t cols),
            (sums, dots, dy, gate, x, mean, rows, cols))

static void batch_norm_input_scalar(float *dx, float *dz, const float *dy, vt_gate gate, const float *x,
                                    const float *mean, const float *a, const float *b, const float *c,
                                    size_t rows, size_t cols, int add_dx, int add_dz) {
  for (size_t r = 0; r < rows; r++)
    for (size_t k = 0; k < cols; k++) {
      size_t i = r * cols + k;
      float z = is_open(gate, x, i, k) ? dy[i] : 0;
      double d = (double)a[k] * z + (double)b[k] * ((double)x[i] - mean[k]) + c[k];
      if (dx) dx[i] = (float)(add_dx ? dx[i] + d : d);
      if (dz) dz[i] = add_dz ? dz[i] + z : z;
    }
}

VT_INLINE void batch_norm_input_body(float *dx, float *dz, const float *dy, vt_gate gate, const float *x,
                                     const float *mean, const float *a, const float *b, const float *c,
                                     size_t rows, size_t cols, int add_dx, int add_dz) {
  size_t whole = cols / 8 * 8;
  for (size_t r = 0; r < rows; r++) {
    size_t base = r * cols;
    for (size_t k = 0; k < whole; k += 8) {
      size_t i = base + k;
      v8 v = load8(x + i), z = opened8(load8(dy + i), gate, v, i, k);
      v8 d = load8(a + k) * z + load8(b + k) * (v - load8(mean + k)) + load8(c + k);
      if (dx) store8(dx + i, add_dx ? load8(dx + i) + d : d);
      if (dz) store8(dz + i, add_dz ? load8(dz + i) + z : z);
    }
    for (size_t k = whole; k < cols; k++) {
      size_t i = base + k;
      float z = is_open(gate, x, i, k) ? dy[i] : 0;
      float d = a[k] * z + b[k] * (x[i] - mean[k]) + c[k];
      if (dx) dx[i] = add_dx ? dx[i] + d : d;
      if (dz) dz[i] = add_dz ? dz[i] + z : z;
    }
  }
}

VT_DISPATCH(batch_norm_input,
            (float *dx, float *dz, const float *dy, vt_gate gate, const float *x, const float *mean,
             const float *a, const float *b, const float *c, size_t rows, size_t cols, int add_dx,
             int add_dz),
            (dx, dz, dy, gate, x, mean, a, b, c, rows, cols, add_dx, add_dz))
