#include "vector.h"

void vt_cross_entropy(float *loss, float *dlogits, const float *logits, const int32_t *labels,
                      size_t rows, size_t classes, float smoothing, float scale) {
  // Few elements: double precision throughout costs nothing.
  for (size_t r = 0; r < rows; r++) {
    const float *x = logits + r * classes;
    double m = -INFINITY, sum = 0, mean = 0;
    for (size_t c = 0; c < classes; c++) m = x[c] > m || x[c] != x[c] ? x[c] : m;
    for (size_t c = 0; c < classes; c++) { sum += exp(x[c] - m); mean += x[c]; }
    double lse = m + log(sum);
    mean /= (double)classes;
    loss[r] = (float)((1.0 - smoothing) * (lse - x[labels[r]]) + smoothing * (lse - mean));
    if (dlogits)
      for (size_t c = 0; c < classes; c++) {
        double target = (double)smoothing / (double)classes +
                        ((size_t)labels[r] == c ? 1.0 - smoothing : 0.0);
        dlogits[r * classes + c] = (float)(scale * (exp(x[c] - lse) - target));
      }
  }
}
