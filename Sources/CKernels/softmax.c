#include "vector.h"

static void softmax_rows_scalar(float *x, float *lse, float scale, size_t rows, size_t cols,
                                size_t ld) {
  for (size_t r = 0; r < rows; r++) {
    float *xr = x + r * ld;
    double m = -INFINITY, sum = 0;
    for (size_t c = 0; c < cols; c++) m = fmax(m, (double)xr[c] * scale);
    for (size_t c = 0; c < cols; c++) sum += exp((double)xr[c] * scale - m);
    for (size_t c = 0; c < cols; c++) xr[c] = (float)(exp((double)xr[c] * scale - m) / sum);
    lse[r] = (float)(m + log(sum));
  }
}

// One row in place: x = softmax(scale * x); the largest of scale * x, and the sum of exponentials from there.
VT_INLINE void softmax_row(float *x, float scale, size_t cols, float *largest, float *total) {
  size_t whole = cols / 8 * 8, rest = cols - whole;
  v8 mv = splat8(-INFINITY), sv = splat8(0), k = splat8(scale);
  for (size_t c = 0; c < whole; c += 8) {
    v8 v = load8(x + c) * k;
    mv = select8(v > mv, v, mv);
  }
  float m = max8(mv);
  for (size_t c = whole; c < cols; c++) m = x[c] * scale > m ? x[c] * scale : m;
  for (size_t c = 0; c < whole; c += 8) {
    v8 e = exp8(load8(x + c) * k - splat8(m));
    store8(x + c, e);
    sv += e;
  }
  float sum = sum8(sv);
  if (rest) {
    v8 e = exp8(load8_part(x + whole, rest) * k - splat8(m));
    store8_part(x + whole, e, rest);
    for (size_t c = 0; c < rest; c++) sum += e[c];
  }
  float inverse = 1.0f / sum;
  for (size_t c = 0; c < whole; c += 8) store8(x + c, load8(x + c) * splat8(inverse));
  for (size_t c = whole; c < cols; c++) x[c] *= inverse;
  *largest = m;
  *total = sum;
}

VT_INLINE void softmax_rows_body(float *x, float *lse, float scale, size_t rows, size_t cols,
                                 size_t ld) {
  for (size_t r = 0; r < rows; r++) {
    float m, sum;
    softmax_row(x + r * ld, scale, cols, &m, &sum);
    lse[r] = m + logf(sum);
  }
}

VT_DISPATCH(softmax_rows,
            (float *x, float *lse, float scale, size_t rows, size_t cols, size_t ld),
            (x, lse, scale, rows, cols, ld))

static void softmax_again_scalar(float *x, const float *lse, float scale, size_t rows, size_t cols,
                                 size_t ld) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c++)
      x[r * ld + c] = (float)exp((double)x[r * ld + c] * scale - lse[r]);
}

VT_INLINE void softmax_again_body(float *x, const float *lse, float scale, size_t rows,
                                  size_t cols, size_t ld) {
  for (size_t r = 0; r < rows; r++) {
    float *xr = x + r * ld;
    v8 k = splat8(scale), l = splat8(lse[r]);
    size_t c = 0;
    for (; c + 8 <= cols; c += 8) store8(xr + c, exp8(load8(xr + c) * k - l));
    if (c < cols) store8_part(xr + c, exp8(load8_part(xr + c, cols - c) * k - l), cols - c);
  }
}

VT_DISPATCH(softmax_again,
            (float *x, const float *lse, float scale, size_t rows, size_t cols, size_t ld),
            (x, lse, scale, rows, cols, ld))

static void window_softmax_scalar(float *x, const float *bias, const int32_t *region, float scale,
                                  size_t tokens) {
  for (size_t r = 0; r < tokens; r++) {
    float *xr = x + r * tokens;
    double m = -INFINITY, sum = 0;
    for (size_t c = 0; c < tokens; c++) {
      double v = (double)xr[c] * scale + (bias ? bias[r * tokens + c] : 0) +
                 (region && region[r] != region[c] ? -100 : 0);
      xr[c] = (float)v;
      m = fmax(m, v);
    }
    for (size_t c = 0; c < tokens; c++) sum += exp(xr[c] - m);
    for (size_t c = 0; c < tokens; c++) xr[c] = (float)(exp(xr[c] - m) / sum);
  }
}

VT_INLINE void window_softmax_body(float *x, const float *bias, const int32_t *region, float scale,
                                   size_t tokens) {
  size_t whole = tokens / 8 * 8;
  for (size_t r = 0; r < tokens; r++) {
    float *xr = x + r * tokens;
    const float *br = bias ? bias + r * tokens : 0;
    for (size_t c = 0; c < whole; c += 8) {
      v8 v = load8(xr + c) * splat8(scale);
      store8(xr + c, br ? v + load8(br + c) : v);
    }
    for (size_t c = whole; c < tokens; c++) xr[c] = xr[c] * scale + (br ? br[c] : 0);
    if (region)
      for (size_t c = 0; c < tokens; c++) xr[c] += region[r] != region[c] ? -100.0f : 0.0f;
    float m, sum;
    softmax_row(xr, 1, tokens, &m, &sum);
  }
}

VT_DISPATCH(window_softmax,
            (float *x, const float *bias, const int32_t *region, float scale, size_t tokens),
            (x, bias, region, scale, tokens))

static void softmax_backward_rows_scalar(float *dp, const float *p, const float *delta,
                                         float scale, size_t rows, size_t cols, size_t ld) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c++)
      dp[r * ld + c] =
          (float)((double)p[r * ld + c] * ((double)dp[r * ld + c] - delta[r]) * scale);
}

VT_INLINE void softmax_backward_rows_body(float *dp, const float *p, const float *delta,
                                          float scale, size_t rows, size_t cols, size_t ld) {
  for (size_t r = 0; r < rows; r++) {
    float *dr = dp + r * ld;
    const float *pr = p + r * ld;
    v8 d = splat8(delta[r]), k = splat8(scale);
    size_t c = 0;
    for (; c + 8 <= cols; c += 8) store8(dr + c, load8(pr + c) * (load8(dr + c) - d) * k);
    if (c < cols) {
      size_t n = cols - c;
      store8_part(dr + c, load8_part(pr + c, n) * (load8_part(dr + c, n) - d) * k, n);
    }
  }
}

VT_DISPATCH(softmax_backward_rows,
            (float *dp, const float *p, const float *delta, float scale, size_t rows, size_t cols,
             size_t ld),
            (dp, p, delta, scale, rows, cols, ld))

static void row_dots_scalar(float *delta, const float *a, const float *b, size_t rows, size_t cols,
                            size_t lda, size_t ldb) {
  for (size_t r = 0; r < rows; r++) {
    double sum = 0;
    for (size_t c = 0; c < cols; c++) sum += (double)a[r * lda + c] * b[r * ldb + c];
    delta[r] = (float)sum;
  }
}

VT_INLINE void row_dots_body(float *delta, const float *a, const float *b, size_t rows,
                             size_t cols, size_t lda, size_t ldb) {
  for (size_t r = 0; r < rows; r++) {
    v8 s = splat8(0);
    size_t c = 0;
    for (; c + 8 <= cols; c += 8) s += load8(a + r * lda + c) * load8(b + r * ldb + c);
    float sum = sum8(s);
    for (; c < cols; c++) sum += a[r * lda + c] * b[r * ldb + c];
    delta[r] = sum;
  }
}

VT_DISPATCH(row_dots,
            (float *delta, const float *a, const float *b, size_t rows, size_t cols, size_t lda,
             size_t ldb),
            (delta, a, b, rows, cols, lda, ldb))

void vt_cross_entropy(float *loss, float *dlogits, const float *logits, const int32_t *labels,
                      size_t rows, size_t classes, float smoothing, float scale) {
  // Few numbers: double precision throughout costs nothing.
  for (size_t r = 0; r < rows; r++) {
    const float *x = logits + r * classes;
    double m = -INFINITY, sum = 0, mean = 0;
    for (size_t c = 0; c < classes; c++) m = x[c] > m || x[c] != x[c] ? x[c] : m;
    for (size_t c = 0; c < classes; c++) { sum += exp(x[c] - m); mean += x[c]; }
    double lse = m + log(sum);
    mean /= (double)classes;
    loss[r] = (float)((1.0 - smoothing) * (lse - x[labels[r]]) + smoothing * (lse - mean));
    if (dlogits)
      for (size_t c = 0; c < classes; c++) {
        double target = (double)smoothing / (double)classes +
                        ((size_t)labels[r] == c ? 1.0 - smoothing : 0.0);
        dlogits[r * classes + c] = (float)(scale * (exp(x[c] - lse) - target));
      }
  }
}
