#include "vector.h"

static double activate_scalar(vt_activation kind, double x) {
  switch (kind) {
    case VT_ACTIVATION_NONE: return x;
    case VT_ACTIVATION_GELU: return 0.5 * x * (1 + erf(x * M_SQRT1_2));
    case VT_ACTIVATION_GELU_TANH:
      return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case VT_ACTIVATION_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case VT_ACTIVATION_RELU: return x < 0 ? 0 : x;
    case VT_ACTIVATION_TANH: return tanh(x);
  }
  return x;
}

static double derivative_scalar(vt_activation kind, double x) {
  switch (kind) {
    case VT_ACTIVATION_NONE: return 1;
    case VT_ACTIVATION_GELU:
      return 0.5 * (1 + erf(x * M_SQRT1_2)) + x * exp(-0.5 * x * x) / sqrt(2 * M_PI);
    case VT_ACTIVATION_GELU_TANH: {
      double c = sqrt(2 / M_PI), t = tanh(c * (x + 0.044715 * x * x * x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x);
    }
    case VT_ACTIVATION_QUICK_GELU: {
      double s = 1 / (1 + exp(-1.702 * x));
      return s + 1.702 * x * s * (1 - s);
    }
    case VT_ACTIVATION_RELU: return x > 0 ? 1 : (x == x ? 0 : x);
    case VT_ACTIVATION_TANH: return 1 - tanh(x) * tanh(x);
  }
  return 1;
}

VT_INLINE v8 sigmoid8(v8 x) { return splat8(1) / (splat8(1) + exp8(-x)); }

VT_INLINE v8 activate8(vt_activation kind, v8 x) {
  switch (kind) {
    case VT_ACTIVATION_NONE: return x;
    case VT_ACTIVATION_GELU:
      return splat8(0.5f) * x * (splat8(1) + erf8(x * splat8(0.70710678f)));
    case VT_ACTIVATION_GELU_TANH: {
      // x/2 (1 + tanh u) = x sigmoid(2u)
      v8 u = x * (splat8(1.5957691f) + splat8(0.071354814f) * x * x);
      return x * sigmoid8(u);
    }
    case VT_ACTIVATION_QUICK_GELU: return x * sigmoid8(splat8(1.702f) * x);
    case VT_ACTIVATION_RELU: return select8(x < splat8(0), splat8(0), x);
    case VT_ACTIVATION_TANH: return tanh8(x);
  }
  return x;
}

VT_INLINE v8 derivative8(vt_activation kind, v8 x) {
  switch (kind) {
    case VT_ACTIVATION_NONE: return splat8(1);
    case VT_ACTIVATION_GELU:
      return splat8(0.5f) * (splat8(1) + erf8(x * splat8(0.70710678f))) +
             x * splat8(0.39894228f) * exp8(splat8(-0.5f) * x * x);
    case VT_ACTIVATION_GELU_TANH: {
      v8 u = x * (splat8(1.5957691f) + splat8(0.071354814f) * x * x);
      v8 s = sigmoid8(u);
      return s + x * s * (splat8(1) - s) * (splat8(1.5957691f) + splat8(0.21406444f) * x * x);
    }
    case VT_ACTIVATION_QUICK_GELU: {
      v8 s = sigmoid8(splat8(1.702f) * x);
      return s + splat8(1.702f) * x * s * (splat8(1) - s);
    }
    case VT_ACTIVATION_RELU:
      return select8(x > splat8(0), splat8(1), select8(x == x, splat8(0), x));
    case VT_ACTIVATION_TANH: {
      v8 t = tanh8(x);
      return splat8(1) - t * t;
    }
  }
  return splat8(1);
}

static void bias_activation_scalar(vt_activation kind, float *x, float *y, const float *bias,
                                   size_t rows, size_t cols, size_t ld) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c++) {
      if (bias) x[r * ld + c] += bias[c];
      y[r * ld + c] = (float)activate_scalar(kind, x[r * ld + c]);
    }
}

VT_INLINE void bias_rows(vt_activation kind, float *x, float *y, const float *bias, size_t rows,
                         size_t cols, size_t ld) {
  for (size_t r = 0; r < rows; r++) {
    float *xr = x + r * ld, *yr = y + r * ld;
    size_t c = 0;
    for (; c + 8 <= cols; c += 8) {
      v8 v = load8(xr + c);
      if (bias) { v += load8(bias + c); store8(xr + c, v); }
      store8(yr + c, activate8(kind, v));
    }
    if (c < cols) {
      v8 v = load8_part(xr + c, cols - c);
      if (bias) { v += load8_part(bias + c, cols - c); store8_part(xr + c, v, cols - c); }
      store8_part(yr + c, activate8(kind, v), cols - c);
    }
  }
}

// One loop a kind, so that the switch stays outside.
VT_INLINE void bias_activation_body(vt_activation kind, float *x, float *y, const float *bias,
                                    size_t rows, size_t cols, size_t ld) {
  switch (kind) {
    case VT_ACTIVATION_NONE: bias_rows(VT_ACTIVATION_NONE, x, y, bias, rows, cols, ld); break;
    case VT_ACTIVATION_GELU: bias_rows(VT_ACTIVATION_GELU, x, y, bias, rows, cols, ld); break;
    case VT_ACTIVATION_GELU_TANH:
      bias_rows(VT_ACTIVATION_GELU_TANH, x, y, bias, rows, cols, ld); break;
    case VT_ACTIVATION_QUICK_GELU:
      bias_rows(VT_ACTIVATION_QUICK_GELU, x, y, bias, rows, cols, ld); break;
    case VT_ACTIVATION_RELU: bias_rows(VT_ACTIVATION_RELU, x, y, bias, rows, cols, ld); break;
    case VT_ACTIVATION_TANH: bias_rows(VT_ACTIVATION_TANH, x, y, bias, rows, cols, ld); break;
  }
}

VT_DISPATCH(bias_activation,
            (vt_activation kind, float *x, float *y, const float *bias, size_t rows, size_t cols,
             size_t ld),
            (kind, x, y, bias, rows, cols, ld))

static void activation_backward_scalar(vt_activation kind, float *dx, const float *dy,
                                       const float *x, size_t count) {
  for (size_t i = 0; i < count; i++) dx[i] = (float)(dy[i] * derivative_scalar(kind, x[i]));
}

VT_INLINE void derivative_all(vt_activation kind, float *dx, const float *dy, const float *x,
                              size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) store8(dx + i, load8(dy + i) * derivative8(kind, load8(x + i)));
  if (i < count) {
    size_t n = count - i;
    store8_part(dx + i, load8_part(dy + i, n) * derivative8(kind, load8_part(x + i, n)), n);
  }
}

VT_INLINE void activation_backward_body(vt_activation kind, float *dx, const float *dy,
                                        const float *x, size_t count) {
  switch (kind) {
    case VT_ACTIVATION_NONE: derivative_all(VT_ACTIVATION_NONE, dx, dy, x, count); break;
    case VT_ACTIVATION_GELU: derivative_all(VT_ACTIVATION_GELU, dx, dy, x, count); break;
    case VT_ACTIVATION_GELU_TANH: derivative_all(VT_ACTIVATION_GELU_TANH, dx, dy, x, count); break;
    case VT_ACTIVATION_QUICK_GELU:
      derivative_all(VT_ACTIVATION_QUICK_GELU, dx, dy, x, count); break;
    case VT_ACTIVATION_RELU: derivative_all(VT_ACTIVATION_RELU, dx, dy, x, count); break;
    case VT_ACTIVATION_TANH: derivative_all(VT_ACTIVATION_TANH, dx, dy, x, count); break;
  }
}

VT_DISPATCH(activation_backward,
            (vt_activation kind, float *dx, const float *dy, const float *x, size_t count),
            (kind, dx, dy, x, count))

static void activation_again_scalar(vt_activation kind, float *y, float *dx, const float *dy,
                                    const float *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float v = x[i];
    y[i] = (float)activate_scalar(kind, v);
    dx[i] = (float)(dy[i] * derivative_scalar(kind, v));
  }
}

VT_INLINE void again_all(vt_activation kind, float *y, float *dx, const float *dy, const float *x,
                         size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    v8 v = load8(x + i);
    store8(y + i, activate8(kind, v));
    store8(dx + i, load8(dy + i) * derivative8(kind, v));
  }
  if (i < count) {
    size_t n = count - i;
    v8 v = load8_part(x + i, n);
    store8_part(y + i, activate8(kind, v), n);
    store8_part(dx + i, load8_part(dy + i, n) * derivative8(kind, v), n);
  }
}

VT_INLINE void activation_again_body(vt_activation kind, float *y, float *dx, const float *dy,
                                     const float *x, size_t count) {
  switch (kind) {
    case VT_ACTIVATION_NONE: again_all(VT_ACTIVATION_NONE, y, dx, dy, x, count); break;
    case VT_ACTIVATION_GELU: again_all(VT_ACTIVATION_GELU, y, dx, dy, x, count); break;
    case VT_ACTIVATION_GELU_TANH: again_all(VT_ACTIVATION_GELU_TANH, y, dx, dy, x, count); break;
    case VT_ACTIVATION_QUICK_GELU: again_all(VT_ACTIVATION_QUICK_GELU, y, dx, dy, x, count); break;
    case VT_ACTIVATION_RELU: again_all(VT_ACTIVATION_RELU, y, dx, dy, x, count); break;
    case VT_ACTIVATION_TANH: again_all(VT_ACTIVATION_TANH, y, dx, dy, x, count); break;
  }
}

VT_DISPATCH(activation_again,
            (vt_activation kind, float *y, float *dx, const float *dy, const float *x, size_t count),
            (kind, y, dx, dy, x, count))
