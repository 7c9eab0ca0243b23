#include <math.h>

#include "vector.h"

// Means and deviations in double: a kernel's few thousand weights are standardized once per step; the image's cells
// dominate the time.
static void row_moments(const float *x, size_t cols, double *mean, double *deviation) {
  double sum = 0, squares = 0;
  for (size_t c = 0; c < cols; c++) sum += x[c];
  *mean = sum / (double)cols;
  for (size_t c = 0; c < cols; c++) squares += (x[c] - *mean) * (x[c] - *mean);
  *deviation = sqrt(squares / (double)cols);
}

static double divisor(double deviation, double eps, int outside) {
  return outside ? deviation + eps : sqrt(deviation * deviation + eps);
}

void vt_standardize_rows(float *y, const float *x, float eps, int outside, size_t rows, size_t cols) {
  for (size_t r = 0; r < rows; r++) {
    double mean, deviation;
    row_moments(x + r * cols, cols, &mean, &deviation);
    double scale = 1 / divisor(deviation, eps, outside);
    for (size_t c = 0; c < cols; c++) y[r * cols + c] = (float)((x[r * cols + c] - mean) * scale);
  }
}

void vt_standardize_rows_backward(float *dx, const float *dy, const float *x, float eps, int outside,
                                  size_t rows, size_t cols, int accumulate) {
  for (size_t r = 0; r < rows; r++) {
    const float *from = x + r * cols, *g = dy + r * cols;
    double mean, deviation, sum = 0, dot = 0;
    row_moments(from, cols, &mean, &deviation);
    for (size_t c = 0; c < cols; c++) {
      sum += g[c];
      dot += g[c] * (from[c] - mean);
    }
    double s = divisor(deviation, eps, outside), n = (double)cols;
    // ds/dx = (x - mean) / (n * deviation) outside the root, (x - mean) / (n * s) within it.
    double d = outside ? deviation : s, along = d > 0 ? dot / (n * d * s * s) : 0;
    for (size_t c = 0; c < cols; c++) {
      double v = (g[c] - sum / n) / s - (from[c] - mean) * along;
      dx[r * cols + c] = (float)(accumulate ? dx[r * cols + c] + v : v);
    }
  }
}
