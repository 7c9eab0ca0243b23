// Operand B of a product over rows, packed for tiles of two vectors of LANES floats.
#include "lanes_begin.h"

// Columns j..<j+cols of rows first..<first+rows, at most two vectors wide: [rows, 16] each, the second vector from
// `second` on.
VT_INLINE void L(pack_right_body)(float *out, size_t second, vt_gemm_b b, size_t first, size_t rows, size_t j,
                                  size_t cols) {
  size_t left = cols < LANES ? cols : LANES;
  V gamma[2] = {0}, beta[2] = {0};
  if (b.mean) {
    gamma[0] = L(load_part)(b.gamma + j, left);
    gamma[1] = L(load_part)(b.gamma + j + left, cols - left);
    beta[0] = L(load_part)(b.beta + j, left);
    beta[1] = L(load_part)(b.beta + j + left, cols - left);
  }
  for (size_t r = 0; r < rows; r++, out += TILE_COLS) {
    ptrdiff_t row = b.cells ? b.cells[first + r] : (ptrdiff_t)(first + r);
    if (row < 0) {
      L(store)(out, S(0));
      L(store)(out + second, S(0));
      continue;
    }
    const float *from = b.data + (size_t)row * b.stride + j;
    V low, high;
    if (cols == 2 * LANES) {
      low = L(load)(from);
      high = L(load)(from + LANES);
    } else {
      low = L(load_part)(from, left);
      high = L(load_part)(from + left, cols - left);
    }
    if (b.mean) {
      V m = S(b.mean[first + r]), s = S(b.rstd[first + r]);
      low = (low - m) * s * gamma[0] + beta[0];
      high = (high - m) * s * gamma[1] + beta[1];
    }
    L(store)(out, low);
    L(store)(out + second, high);
  }
}

#include "lanes_end.h"
