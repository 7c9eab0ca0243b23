#include "vector.h"

static void positive_features_scalar(float *p, const float *x, float scale, size_t rows,
                                     size_t features, size_t dim, size_t ldx) {
  for (size_t r = 0; r < rows; r++) {
    double half = 0;
    for (size_t c = 0; c < dim; c++) half += (double)x[r * ldx + c] * x[r * ldx + c] / 2;
    for (size_t c = 0; c < features; c++)
      p[r * features + c] = (float)(exp(p[r * features + c] - half) * scale);
  }
}

VT_INLINE void positive_features_body(float *p, const float *x, float scale, size_t rows,
                                      size_t features, size_t dim, size_t ldx) {
  for (size_t r = 0; r < rows; r++) {
    const float *xr = x + r * ldx;
    float *pr = p + r * features;
    v8 sum = splat8(0);
    for (size_t c = 0; c < dim; c += 8) {
      v8 v = dim - c < 8 ? load_part8(xr + c, dim - c) : load8(xr + c);
      sum += v * v;
    }
    v8 half = splat8(0.5f * sum8(sum)), k = splat8(scale);
    for (size_t c = 0; c < features; c += 8) {
      size_t n = features - c < 8 ? features - c : 8;
      if (n == 8) store8(pr + c, exp8(load8(pr + c) - half) * k);
      else store_part8(pr + c, exp8(load_part8(pr + c, n) - half) * k, n);
    }
  }
}

VT_DISPATCH(positive_features,
            (float *p, const float *x, float scale, size_t rows, size_t features, size_t dim,
             size_t ldx),
            (p, x, scale, rows, features, dim, ldx))

static void positive_features_backward_scalar(float *dp, float *sums, const float *p, size_t rows,
                                              size_t features) {
  for (size_t r = 0; r < rows; r++) {
    double sum = 0;
    for (size_t c = 0; c < features; c++) {
      dp[r * features + c] *= p[r * features + c];
      sum += dp[r * features + c];
    }
    sums[r] = (float)sum;
  }
}

VT_INLINE void positive_features_backward_body(float *dp, float *sums, const float *p, size_t rows,
                                               size_t features) {
  for (size_t r = 0; r < rows; r++) {
    v8 sum = splat8(0);
    for (size_t c = 0; c < features; c += 8) {
      size_t n = features - c < 8 ? features - c : 8, i = r * features + c;
      v8 v = n == 8 ? load8(dp + i) * load8(p + i) : load_part8(dp + i, n) * load_part8(p + i, n);
      if (n == 8) store8(dp + i, v);
      else store_part8(dp + i, v, n);
      sum += v;
    }
    sums[r] = sum8(sum);
  }
}

VT_DISPATCH(positive_features_backward,
            (float *dp, float *sums, const float *p, size_t rows, size_t features),
            (dp, sums, p, rows, features))
