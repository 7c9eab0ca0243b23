// Activations, their derivatives and what is fused with them, on vectors of LANES floats.
#include "lanes_begin.h"

VT_INLINE V L(sigmoid)(V x) { return S(1) / (S(1) + L(exp)(-x)); }

VT_INLINE V L(activate)(vt_activation kind, V x) {
  switch (kind) {
    case VT_ACTIVATION_NONE: return x;
    case VT_ACTIVATION_GELU:
      return x * L(normal)(x, L(exp)(S(-0.5f) * x * x));
    case VT_ACTIVATION_GELU_TANH: {
      // x/2 (1 + tanh u) = x sigmoid(2u)
      V u = x * (S(1.5957691f) + S(0.071354814f) * x * x);
      return x * L(sigmoid)(u);
    }
    case VT_ACTIVATION_QUICK_GELU: return x * L(sigmoid)(S(1.702f) * x);
    case VT_ACTIVATION_RELU: return L(select)(x < S(0), S(0), x);
    case VT_ACTIVATION_TANH: return L(tanh)(x);
  }
  return x;
}

VT_INLINE V L(derivative)(vt_activation kind, V x) {
  switch (kind) {
    case VT_ACTIVATION_NONE: return S(1);
    case VT_ACTIVATION_GELU: {
      V e = L(exp)(S(-0.5f) * x * x);
      return L(normal)(x, e) + x * S(0.39894228f) * e;
    }
    case VT_ACTIVATION_GELU_TANH: {
      V u = x * (S(1.5957691f) + S(0.071354814f) * x * x);
      V s = L(sigmoid)(u);
      return s + x * s * (S(1) - s) * (S(1.5957691f) + S(0.21406444f) * x * x);
    }
    case VT_ACTIVATION_QUICK_GELU: {
      V s = L(sigmoid)(S(1.702f) * x);
      return s + S(1.702f) * x * s * (S(1) - s);
    }
    case VT_ACTIVATION_RELU:
      return L(select)(x > S(0), S(1), L(select)(x == x, S(0), x));
    case VT_ACTIVATION_TANH: {
      V t = L(tanh)(x);
      return S(1) - t * t;
    }
  }
  return S(1);
}

VT_INLINE void L(bias_rows)(vt_activation kind, float *x, float *y, const float *bias, size_t rows,
                         size_t cols, size_t ld) {
  for (size_t r = 0; r < rows; r++) {
    float *xr = x + r * ld, *yr = y + r * ld;
    size_t c = 0;
    for (; c + LANES <= cols; c += LANES) {
      V v = L(load)(xr + c);
      if (bias) { v += L(load)(bias + c); L(store)(xr + c, v); }
      L(store)(yr + c, L(activate)(kind, v));
    }
    if (c < cols) {
      V v = L(load_part)(xr + c, cols - c);
      if (bias) { v += L(load_part)(bias + c, cols - c); L(store_part)(xr + c, v, cols - c); }
      L(store_part)(yr + c, L(activate)(kind, v), cols - c);
    }
  }
}

VT_INLINE void L(bias_activation_body)(vt_activation kind, float *x, float *y, const float *bias,
                                    size_t rows, size_t cols, size_t ld) {
  LOOP_A_KIND(kind, L(bias_rows), x, y, bias, rows, cols, ld)
}

VT_INLINE void L(derivative_rows)(vt_activation kind, float *dx, float *y, const float *dy, const float *x,
                               size_t rows, size_t cols, size_t ld) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c += LANES) {
      size_t i = r * ld + c, n = cols - c < LANES ? cols - c : LANES;
      if (n == LANES) {
        V v = L(load)(x + i), d = L(load)(dy + i);
        L(store)(dx + i, d * L(derivative)(kind, v));
        if (y) L(store)(y + i, L(activate)(kind, v));
      } else {
        V v = L(load_part)(x + i, n), d = L(load_part)(dy + i, n);
        L(store_part)(dx + i, d * L(derivative)(kind, v), n);
        if (y) L(store_part)(y + i, L(activate)(kind, v), n);
      }
    }
}

VT_INLINE void L(activation_backward_body)(vt_activation kind, float *dx, float *y, const float *dy,
                                        const float *x, size_t rows, size_t cols, size_t ld) {
  LOOP_A_KIND(kind, L(derivative_rows), dx, y, dy, x, rows, cols, ld)
}

#include "lanes_end.h"
