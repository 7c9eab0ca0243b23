// Activations, their derivatives and what is fused with them, on vectors of LANES floats.
#include "lanes_begin.h"

VT_INLINE V L(sigmoid)(V x) { return S(1) / (S(1) + L(exp)(-x)); }

VT_INLINE V L(activate)(vt_activation kind, V x) {
  switch (kind) {
    case VT_ACTIVATION_NONE: return x;
    case VT_ACTIVATION_GELU:
      return S(0.5f) * x * (S(1) + L(erf)(x * S(0.70710678f)));
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
    case VT_ACTIVATION_GELU:
      return S(0.5f) * (S(1) + L(erf)(x * S(0.70710678f))) +
             x * S(0.39894228f) * L(exp)(S(-0.5f) * x * x);
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

// One loop a kind, so that the switch stays outside.
VT_INLINE void L(bias_activation_body)(vt_activation kind, float *x, float *y, const float *bias,
                                    size_t rows, size_t cols, size_t ld) {
  switch (kind) {
    case VT_ACTIVATION_NONE: L(bias_rows)(VT_ACTIVATION_NONE, x, y, bias, rows, cols, ld); break;
    case VT_ACTIVATION_GELU: L(bias_rows)(VT_ACTIVATION_GELU, x, y, bias, rows, cols, ld); break;
    case VT_ACTIVATION_GELU_TANH:
      L(bias_rows)(VT_ACTIVATION_GELU_TANH, x, y, bias, rows, cols, ld); break;
    case VT_ACTIVATION_QUICK_GELU:
      L(bias_rows)(VT_ACTIVATION_QUICK_GELU, x, y, bias, rows, cols, ld); break;
    case VT_ACTIVATION_RELU: L(bias_rows)(VT_ACTIVATION_RELU, x, y, bias, rows, cols, ld); break;
    case VT_ACTIVATION_TANH: L(bias_rows)(VT_ACTIVATION_TANH, x, y, bias, rows, cols, ld); break;
  }
}

VT_INLINE void L(derivative_all)(vt_activation kind, float *dx, const float *dy, const float *x,
                              size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) L(store)(dx + i, L(load)(dy + i) * L(derivative)(kind, L(load)(x + i)));
  if (i < count) {
    size_t n = count - i;
    L(store_part)(dx + i, L(load_part)(dy + i, n) * L(derivative)(kind, L(load_part)(x + i, n)), n);
  }
}

VT_INLINE void L(activation_backward_body)(vt_activation kind, float *dx, const float *dy,
                                        const float *x, size_t count) {
  switch (kind) {
    case VT_ACTIVATION_NONE: L(derivative_all)(VT_ACTIVATION_NONE, dx, dy, x, count); break;
    case VT_ACTIVATION_GELU: L(derivative_all)(VT_ACTIVATION_GELU, dx, dy, x, count); break;
    case VT_ACTIVATION_GELU_TANH: L(derivative_all)(VT_ACTIVATION_GELU_TANH, dx, dy, x, count); break;
    case VT_ACTIVATION_QUICK_GELU:
      L(derivative_all)(VT_ACTIVATION_QUICK_GELU, dx, dy, x, count); break;
    case VT_ACTIVATION_RELU: L(derivative_all)(VT_ACTIVATION_RELU, dx, dy, x, count); break;
    case VT_ACTIVATION_TANH: L(derivative_all)(VT_ACTIVATION_TANH, dx, dy, x, count); break;
  }
}

VT_INLINE void L(again_all)(vt_activation kind, float *y, float *dx, const float *dy, const float *x,
                         size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    V v = L(load)(x + i);
    L(store)(y + i, L(activate)(kind, v));
    L(store)(dx + i, L(load)(dy + i) * L(derivative)(kind, v));
  }
  if (i < count) {
    size_t n = count - i;
    V v = L(load_part)(x + i, n);
    L(store_part)(y + i, L(activate)(kind, v), n);
    L(store_part)(dx + i, L(load_part)(dy + i, n) * L(derivative)(kind, v), n);
  }
}

VT_INLINE void L(activation_again_body)(vt_activation kind, float *y, float *dx, const float *dy,
                                     const float *x, size_t count) {
  switch (kind) {
    case VT_ACTIVATION_NONE: L(again_all)(VT_ACTIVATION_NONE, y, dx, dy, x, count); break;
    case VT_ACTIVATION_GELU: L(again_all)(VT_ACTIVATION_GELU, y, dx, dy, x, count); break;
    case VT_ACTIVATION_GELU_TANH: L(again_all)(VT_ACTIVATION_GELU_TANH, y, dx, dy, x, count); break;
    case VT_ACTIVATION_QUICK_GELU: L(again_all)(VT_ACTIVATION_QUICK_GELU, y, dx, dy, x, count); break;
    case VT_ACTIVATION_RELU: L(again_all)(VT_ACTIVATION_RELU, y, dx, dy, x, count); break;
    case VT_ACTIVATION_TANH: L(again_all)(VT_ACTIVATION_TANH, y, dx, dy, x, count); break;
  }
}

#include "lanes_end.h"
