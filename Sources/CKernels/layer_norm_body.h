// Layer norm on vectors of LANES floats.
#include "lanes_begin.h"

VT_INLINE void L(layer_norm_forward_body)(float *y, float *mean, float *rstd, const float *x,
                                       const float *gamma, const float *beta, size_t rows,
                                       size_t cols, float eps, int eps_outside) {
  size_t whole = cols / LANES * LANES, rest = cols - whole;
  for (size_t r = 0; r < rows; r++) {
    const float *xr = x + r * cols;
    float *yr = y + r * cols;
    V sum = S(0), sum2 = S(0);
    for (size_t c = 0; c < whole; c += LANES) sum += L(load)(xr + c);
    float total = L(sum)(sum);
    for (size_t c = whole; c < cols; c++) total += xr[c];
    float m = total / (float)cols;
    for (size_t c = 0; c < whole; c += LANES) {
      V d = L(load)(xr + c) - S(m);
      sum2 += d * d;
    }
    float squares = L(sum)(sum2);
    for (size_t c = whole; c < cols; c++) squares += (xr[c] - m) * (xr[c] - m);
    float v = squares / (float)cols;
    float s = eps_outside ? 1.0f / (sqrtf(v) + eps) : 1.0f / sqrtf(v + eps);
    for (size_t c = 0; c < whole; c += LANES)
      L(store)(yr + c, (L(load)(xr + c) - S(m)) * S(s) * L(load)(gamma + c) + L(load)(beta + c));
    if (rest)
      L(store_part)(yr + whole,
                    (L(load_part)(xr + whole, rest) - S(m)) * S(s) * L(load_part)(gamma + whole, rest) +
                        L(load_part)(beta + whole, rest),
                    rest);
    mean[r] = m;
    rstd[r] = s;
  }
}

VT_INLINE void L(layer_norm_backward_body)(float *dx, float *dgamma, float *dbeta, const float *dy,
                                        const float *x, const float *mean, const float *rstd,
                                        const float *gamma, size_t rows, size_t cols,
                                        float outer_eps, const float *residual) {
  for (size_t r = 0; r < rows; r++) {
    const float *xr = x + r * cols, *dr = dy + r * cols;
    const float *add = residual ? residual + r * cols : 0;
    float *out = dx + r * cols;
    V m = S(mean[r]), s = S(rstd[r]), sa = S(0), sb = S(0);
    for (size_t c = 0; c < cols; c += LANES) {
      size_t n = cols - c < LANES ? cols - c : LANES;
      V xv, dv, gv;
      if (n == LANES) { xv = L(load)(xr + c); dv = L(load)(dr + c); gv = L(load)(gamma + c); }
      else { xv = L(load_part)(xr + c, n); dv = L(load_part)(dr + c, n); gv = L(load_part)(gamma + c, n); }
      V g = dv * gv;
      sa += g;
      sb += g * ((xv - m) * s);
    }
    V a = S(L(sum)(sa) / (float)cols), b = S(L(sum)(sb) * root_factor(outer_eps, rstd[r]) / (float)cols);
    for (size_t c = 0; c < cols; c += LANES) {
      size_t n = cols - c < LANES ? cols - c : LANES;
      if (n == LANES) {
        V h = (L(load)(xr + c) - m) * s, dv = L(load)(dr + c);
        V d = s * (dv * L(load)(gamma + c) - a - h * b);
        L(store)(out + c, add ? L(load)(add + c) + d : d);
        L(store)(dgamma + c, L(load)(dgamma + c) + dv * h);
        L(store)(dbeta + c, L(load)(dbeta + c) + dv);
      } else {
        V h = (L(load_part)(xr + c, n) - m) * s, dv = L(load_part)(dr + c, n);
        V d = s * (dv * L(load_part)(gamma + c, n) - a - h * b);
        L(store_part)(out + c, add ? L(load_part)(add + c, n) + d : d, n);
        L(store_part)(dgamma + c, L(load_part)(dgamma + c, n) + dv * h, n);
        L(store_part)(dbeta + c, L(load_part)(dbeta + c, n) + dv, n);
      }
    }
  }
}

#include "lanes_end.h"
