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

// Calls `loop` with the kind as a constant, so that each kind gets its own loop and the switch stays outside of it.
#define LOOP_A_KIND(kind, loop, ...)                                                           \
  switch (kind) {                                                                              \
    case VT_ACTIVATION_NONE: loop(VT_ACTIVATION_NONE, __VA_ARGS__); break;                     \
    case VT_ACTIVATION_GELU: loop(VT_ACTIVATION_GELU, __VA_ARGS__); break;                     \
    case VT_ACTIVATION_GELU_TANH: loop(VT_ACTIVATION_GELU_TANH, __VA_ARGS__); break;           \
    case VT_ACTIVATION_QUICK_GELU: loop(VT_ACTIVATION_QUICK_GELU, __VA_ARGS__); break;         \
    case VT_ACTIVATION_RELU: loop(VT_ACTIVATION_RELU, __VA_ARGS__); break;                     \
    case VT_ACTIVATION_TANH: loop(VT_ACTIVATION_TANH, __VA_ARGS__); break;                     \
  }

#define LANES 8
#include "activation_body.h"
#define LANES 16
#include "activation_body.h"

static void bias_activation_scalar(vt_activation kind, float *x, float *y, const float *bias,
                                   size_t rows, size_t cols, size_t ld) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c++) {
      if (bias) x[r * ld + c] += bias[c];
      y[r * ld + c] = (float)activate_scalar(kind, x[r * ld + c]);
    }
}

VT_DISPATCH_WIDE(bias_activation,
            (vt_activation kind, float *x, float *y, const float *bias, size_t rows, size_t cols,
             size_t ld),
            (kind, x, y, bias, rows, cols, ld))

static void activation_backward_scalar(vt_activation kind, float *dx, float *y, const float *dy, const float *x,
                                       size_t rows, size_t cols, size_t ld) {
  for (size_t r = 0; r < rows; r++)
    for (size_t i = r * ld; i < r * ld + cols; i++) {
      float v = x[i], d = dy[i];
      dx[i] = (float)(d * derivative_scalar(kind, v));
      if (y) y[i] = (float)activate_scalar(kind, v);
    }
}

VT_DISPATCH_WIDE(activation_backward,
            (vt_activation kind, float *dx, float *y, const float *dy, const float *x, size_t rows, size_t cols,
             size_t ld),
            (kind, dx, y, dy, x, rows, cols, ld))
