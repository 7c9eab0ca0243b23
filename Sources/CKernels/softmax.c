#include "vector.h"

#define LANES 8
#include "softmax_body.h"
#define LANES 16
#include "softmax_body.h"

size_t vt_score_stride(size_t cols) { return (cols + 15) / 16 * 16; }

static void softmax_rows_scalar(float *x, float *lse, float scale, const float *bias,
                                const float *mask, size_t rows, size_t cols) {
  size_t ld = vt_score_stride(cols);
  for (size_t r = 0; r < rows; r++) {
    float *xr = x + r * ld;
    double m = -INFINITY, sum = 0;
    for (size_t c = 0; c < cols; c++) {
      size_t i = r * ld + c;
      xr[c] = (float)((double)xr[c] * scale + (bias ? bias[i] : 0) + (mask ? mask[i] : 0));
      m = fmax(m, xr[c]);
    }
    for (size_t c = 0; c < cols; c++) sum += exp(xr[c] - m);
    for (size_t c = 0; c < cols; c++) xr[c] = (float)(exp(xr[c] - m) / sum);
    lse[r] = (float)(m + log(sum));
  }
}

VT_DISPATCH_WIDE(softmax_rows,
            (float *x, float *lse, float scale, const float *bias, const float *mask, size_t rows,
             size_t cols),
            (x, lse, scale, bias, mask, rows, cols))

static void scores_backward_scalar(float *p, float *dp, const float *lse, const float *delta,
                                   float scale, const float *bias, const float *mask, size_t ldb,
                                   float *dbias, size_t rows, size_t cols) {
  size_t ld = vt_score_stride(cols);
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c++) {
      size_t i = r * ld + c, j = r * ldb + c;
      double v = (double)p[i] * scale + (bias ? bias[j] : 0) + (mask ? mask[j] : 0);
      double e = exp(v - lse[c]), d = e * ((double)dp[i] - delta[c]);
      p[i] = (float)e;
      dp[i] = (float)(d * scale);
      if (dbias) dbias[j] += (float)d;
    }
}

VT_DISPATCH_WIDE(scores_backward,
            (float *p, float *dp, const float *lse, const float *delta, float scale,
             const float *bias, const float *mask, size_t ldb, float *dbias, size_t rows, size_t cols),
            (p, dp, lse, delta, scale, bias, mask, ldb, dbias, rows, cols))

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
