// Sums of rows and columns on vectors of LANES floats.
#include "lanes_begin.h"

VT_INLINE void L(add_scaled_body)(float *y, const float *a, const float *b, float scale, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) L(store)(y + i, L(load)(a + i) + S(scale) * L(load)(b + i));
  for (; i < count; i++) y[i] = a[i] + scale * b[i];
}

VT_INLINE void L(add_rows_body)(float *y, const float *residual, const float *scales, size_t rows, size_t cols,
                             size_t ld) {
  for (size_t r = 0; r < rows; r++)
    L(add_scaled_body)(y + r * ld, residual + r * ld, y + r * ld, scales ? scales[r] : 1, cols);
}

VT_INLINE void L(column_sums_body)(float *y, const float *x, size_t rows, size_t cols, size_t ld, int accumulate) {
  enum { SOME = 4 };  // vectors of columns that stay in registers over all rows
  size_t c = 0;
  for (; c + SOME * LANES <= cols; c += SOME * LANES) {
    V sums[SOME] = {0};
    for (size_t r = 0; r < rows; r++)
      for (int q = 0; q < SOME; q++) sums[q] += L(load)(x + r * ld + c + q * LANES);
    for (int q = 0; q < SOME; q++) L(store)(y + c + q * LANES, accumulate ? L(load)(y + c + q * LANES) + sums[q] : sums[q]);
  }
  for (; c < cols; c += LANES) {
    size_t n = cols - c < LANES ? cols - c : LANES;
    V sum = S(0);
    for (size_t r = 0; r < rows; r++) sum += n == LANES ? L(load)(x + r * ld + c) : L(load_part)(x + r * ld + c, n);
    L(store_part)(y + c, accumulate ? L(load_part)(y + c, n) + sum : sum, n);
  }
}

#include "lanes_end.h"
