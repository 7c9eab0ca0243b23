#include "vector.h"

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

VT_INLINE void layer_norm_forward_body(float *y, float *mean, float *rstd, const float *x,
                                       const float *gamma, const float *beta, size_t rows,
                                       size_t cols, float eps, int eps_outside) {
  size_t whole = cols / 8 * 8, rest = cols - whole;
  for (size_t r = 0; r < rows; r++) {
    const float *xr = x + r * cols;
    float *yr = y + r * cols;
    v8 sum = splat8(0), sum2 = splat8(0);
    for (size_t c = 0; c < whole; c += 8) sum += load8(xr + c);
    float total = sum8(sum);
    for (size_t c = whole; c < cols; c++) total += xr[c];
    float m = total / (float)cols;
    for (size_t c = 0; c < whole; c += 8) {
      v8 d = load8(xr + c) - splat8(m);
      sum2 += d * d;
    }
    float squares = sum8(sum2);
    for (size_t c = whole; c < cols; c++) squares += (xr[c] - m) * (xr[c] - m);
    float v = squares / (float)cols;
    float s = eps_outside ? 1.0f / (sqrtf(v) + eps) : 1.0f / sqrtf(v + eps);
    for (size_t c = 0; c < whole; c += 8)
      store8(yr + c, (load8(xr + c) - splat8(m)) * splat8(s) * load8(gamma + c) + load8(beta + c));
    if (rest)
      store_part8(yr + whole,
                  (load_part8(xr + whole, rest) - splat8(m)) * splat8(s) *
                          load_part8(gamma + whole, rest) + load_part8(beta + whole, rest),
                  rest);
    mean[r] = m;
    rstd[r] = s;
  }
}

VT_DISPATCH(layer_norm_forward,
            (float *y, float *mean, float *rstd, const float *x, const float *gamma,
             const float *beta, size_t rows, size_t cols, float eps, int eps_outside),
            (y, mean, rstd, x, gamma, beta, rows, cols, eps, eps_outside))

// With xhat = (x - mean) rstd and g = dy gamma:
// dx = rstd (g - mean(g) - xhat mean(g xhat) f), where f = 1 for an eps inside the root and
// 1 / (1 - eps rstd) = (sqrt(var) + eps) / sqrt(var) for one outside; a row of equal numbers has no slope.
VT_INLINE float root_factor(float outer_eps, float rstd) {
  float part = 1.0f - outer_eps * rstd;
  return part > 1e-6f ? 1.0f / part : 0.0f;
}

static void layer_norm_backward_scalar(float *dx, float *dgamma, float *dbeta, const float *dy,
                                       const float *x, const float *mean, const float *rstd,
                                       const float *gamma, size_t rows, size_t cols,
                                       float outer_eps, int accumulate) {
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
      dx[r * cols + c] = accumulate ? dx[r * cols + c] + d : d;
      dgamma[c] += (float)(dr[c] * h);
      dbeta[c] += dr[c];
    }
  }
}

VT_INLINE void layer_norm_backward_body(float *dx, float *dgamma, float *dbeta, const float *dy,
                                        const float *x, const float *mean, const float *rstd,
                                        const float *gamma, size_t rows, size_t cols,
                                        float outer_eps, int accumulate) {
  for (size_t r = 0; r < rows; r++) {
    const float *xr = x + r * cols, *dr = dy + r * cols;
    float *out = dx + r * cols;
    v8 m = splat8(mean[r]), s = splat8(rstd[r]), sa = splat8(0), sb = splat8(0);
    for (size_t c = 0; c < cols; c += 8) {
      size_t n = cols - c < 8 ? cols - c : 8;
      v8 xv, dv, gv;
      if (n == 8) { xv = load8(xr + c); dv = load8(dr + c); gv = load8(gamma + c); }
      else { xv = load_part8(xr + c, n); dv = load_part8(dr + c, n); gv = load_part8(gamma + c, n); }
      v8 g = dv * gv;
      sa += g;
      sb += g * ((xv - m) * s);
    }
    v8 a = splat8(sum8(sa) / (float)cols), b = splat8(sum8(sb) * root_factor(outer_eps, rstd[r]) / (float)cols);
    for (size_t c = 0; c < cols; c += 8) {
      size_t n = cols - c < 8 ? cols - c : 8;
      if (n == 8) {
        v8 h = (load8(xr + c) - m) * s, dv = load8(dr + c);
        v8 d = s * (dv * load8(gamma + c) - a - h * b);
        store8(out + c, accumulate ? load8(out + c) + d : d);
        store8(dgamma + c, load8(dgamma + c) + dv * h);
        store8(dbeta + c, load8(dbeta + c) + dv);
      } else {
        v8 h = (load_part8(xr + c, n) - m) * s, dv = load_part8(dr + c, n);
        v8 d = s * (dv * load_part8(gamma + c, n) - a - h * b);
        store_part8(out + c, accumulate ? load_part8(out + c, n) + d : d, n);
        store_part8(dgamma + c, load_part8(dgamma + c, n) + dv * h, n);
        store_part8(dbeta + c, load_part8(dbeta + c, n) + dv, n);
      }
    }
  }
}

VT_DISPATCH(layer_norm_backward,
            (float *dx, float *dgamma, float *dbeta, const float *dy, const float *x,
             const float *mean, const float *rstd, const float *gamma, size_t rows, size_t cols,
             float outer_eps, int accumulate),
            (dx, dgamma, dbeta, dy, x, mean, rstd, gamma, rows, cols, outer_eps, accumulate))
