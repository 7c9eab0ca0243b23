#include "vector.h"

// With xhat = (x - mean) rstd and g = dy gamma: dx = rstd (g - mean(g) - xhat mean(g xhat) f), where f = 1 for an eps
// inside the root and 1 / (1 - eps rstd) = (sqrt(var) + eps) / sqrt(var) for one outside. A constant row has slope
// zero.
VT_INLINE float root_factor(float outer_eps, float rstd) {
  float part = 1.0f - outer_eps * rstd;
  return part > 1e-6f ? 1.0f / part : 0.0f;
}

#define LANES 8
#include "layer_norm_body.h"
#define LANES 16
#include "layer_norm_body.h"

static void layer_norm_forward_scalar(float *y, float *mean, float *rstd, const float *x,
                                      const float *gamma, const float *beta, size_t rows,
                                      size_t cols, float eps,
                                      int eps_outside) {
  for (size_t r = 0; r < rows; r++) {
    const float *xr = x + r * cols;
    double m = 0, v = 0;
    for (size_t c = 0; c < cols; c++) m += xr[c];
    m /= (double)cols;
    for (size_t c = 0; c < cols; c++) v += (xr[c] - m) * (xr[c] - m);
    v /= (double)cols;
    double s = eps_outside ? 1 / (sqrt(v) + (double)eps) : 1 / sqrt(v + (double)eps);
    for (size_t c = 0; c < cols; c++)
      y[r * cols + c] = (float)((xr[c] - m) * s * gamma[c] + beta[c]);
    mean[r] = (float)m;
    rstd[r] = (float)s;
  }
}

VT_DISPATCH_WIDE(layer_norm_forward,
            (float *y, float *mean, float *rstd, const float *x, const float *gamma,
             const float *beta, size_t rows, size_t cols, float eps, int eps_outside),
            (y, mean, rstd, x, gamma, beta, rows, cols, eps, eps_outside))

static void layer_norm_backward_scalar(float *dx, float *dgamma, float *dbeta, const float *dy,
                                       const float *x, const float *mean, const float *rstd,
                                       const float *gamma, size_t rows, size_t cols,
                                       float outer_eps, const float *residual) {
  for (size_t r = 0; r < rows; r++) {
    const float *xr = x + r * cols, *dr = dy + r * cols;
    double a = 0, b = 0;
    for (size_t c = 0; c < cols; c++) {
      double h = ((double)xr[c] - mean[r]) * rstd[r], g = (double)dr[c] * gamma[c];
      a += g;
      b += g * h;
    }
    a /= (double)cols;
    b *= root_factor(outer_eps, rstd[r]) / (double)cols;
    for (size_t c = 0; c < cols; c++) {
      double h = ((double)xr[c] - mean[r]) * rstd[r], g = (double)dr[c] * gamma[c];
      float d = (float)(rstd[r] * (g - a - h * b));
      dx[r * cols + c] = residual ? residual[r * cols + c] + d : d;
      dgamma[c] += (float)(dr[c] * h);
      dbeta[c] += dr[c];
    }
  }
}

VT_DISPATCH_WIDE(layer_norm_backward,
            (float *dx, float *dgamma, float *dbeta, const float *dy, const float *x,
             const float *mean, const float *rstd, const float *gamma, size_t rows, size_t cols,
             float outer_eps, const float *residual),
            (dx, dgamma, dbeta, dy, x, mean, rstd, gamma, rows, cols, outer_eps, residual))
