// Products over rows, as gradients of weights are: both factors are packed a stretch of rows at a time, the left
// one for the second-level cache, the right one a panel at a time for the first. A norm that the right factor
// has to go through first is done while it is packed.
#include "tile.h"

enum { DEPTH = 192 };  // rows of a stretch: two panels take 24 KiB, 288 columns of the left factor 216 KiB

size_t vt_weight_product_scratch(size_t m) {
  return (m + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS * DEPTH + 2 * TILE_COLS * DEPTH;
}

// Columns of `a` six by six, [rows, 6] each, the last filled up with zeros. Four rows at a time, so that memory is read in
// its order, the next four on their way.
VT_INLINE void pack_left_body(float *out, const float *a, size_t lda, const float *scale, size_t rows,
                              size_t m) {
  enum { SOME = 4 };
  for (size_t first = 0; first < rows; first += SOME) {
    size_t end = first + SOME < rows ? first + SOME : rows, i = 0;
    const float *from = a + first * lda;
    if (end == first + SOME) {
      v8 s[SOME], v[SOME];
      for (size_t r = 0; r < SOME; r++) s[r] = splat8(scale ? scale[first + r] : 1);
      // Eight are as cheap as six: what is too much is overwritten by the next row.
      for (; i + 8 <= m; i += TILE_ROWS) {
        float *to = out + i * rows + first * TILE_ROWS;
        for (size_t r = 0; r < SOME; r++) {
          v[r] = load8(from + r * lda + i) * s[r];
          __builtin_prefetch(from + (SOME + r) * lda + i);
        }
        for (size_t r = 0; r + 1 < SOME; r++) store8(to + r * TILE_ROWS, v[r]);
        store_part8(to + (SOME - 1) * TILE_ROWS, v[SOME - 1], TILE_ROWS);
      }
    }
    for (; i < m; i += TILE_ROWS) {
      size_t n = m - i < TILE_ROWS ? m - i : TILE_ROWS;
      for (size_t r = first; r < end; r++) {
        float *to = out + i * rows + r * TILE_ROWS;
        for (size_t q = 0; q < TILE_ROWS; q++) to[q] = q < n ? a[r * lda + i + q] * (scale ? scale[r] : 1) : 0;
      }
    }
  }
}

// Columns j..<j+cols (at most sixteen) of the right factor's rows first..<first+rows, [rows, 16].
VT_INLINE void pack_right_body(float *out, vt_right b, size_t first, size_t rows, size_t j, size_t cols) {
  float gamma[TILE_COLS] = {0}, beta[TILE_COLS] = {0};
  if (b.mean) {
    memcpy(gamma, b.gamma + j, cols * sizeof(float));
    memcpy(beta, b.beta + j, cols * sizeof(float));
  }
  v8 g0 = load8(gamma), g1 = load8(gamma + 8), b0 = load8(beta), b1 = load8(beta + 8);
  for (size_t r = 0; r < rows; r++, out += TILE_COLS) {
    ptrdiff_t row = b.cells ? b.cells[first + r] : (ptrdiff_t)(first + r);
    if (row < 0) {
      memset(out, 0, TILE_COLS * sizeof(float));
      continue;
    }
    const float *from = b.data + (size_t)row * b.stride + j;
    __builtin_prefetch(from + TILE_COLS);  // for the next panel
    v8 low, high;
    if (cols == TILE_COLS) {
      low = load8(from);
      high = load8(from + 8);
    } else {
      low = load_part8(from, cols < 8 ? cols : 8);
      high = load_part8(from + (cols < 8 ? 0 : 8), cols < 8 ? 0 : cols - 8);
    }
    if (b.mean) {
      v8 m = splat8(b.mean[first + r]), s = splat8(b.rstd[first + r]);
      low = (low - m) * s * g0 + b0;
      high = (high - m) * s * g1 + b1;
    }
    store8(out, low);
    store8(out + 8, high);
  }
}

static void pack_left_portable(float *out, const float *a, size_t lda, const float *scale, size_t rows,
                               size_t m) {
  pack_left_body(out, a, lda, scale, rows, m);
}
static void pack_right_portable(float *out, vt_right b, size_t first, size_t rows, size_t j, size_t cols) {
  pack_right_body(out, b, first, rows, j, cols);
}
#if VT_HAS_AVX2
VT_AVX2 static void pack_left_avx2(float *out, const float *a, size_t lda, const float *scale, size_t rows,
                                   size_t m) {
  pack_left_body(out, a, lda, scale, rows, m);
}
VT_AVX2 static void pack_right_avx2(float *out, vt_right b, size_t first, size_t rows, size_t j,
                                    size_t cols) {
  pack_right_body(out, b, first, rows, j, cols);
}
#endif

static void pack_left(vt_isa isa, float *out, const float *a, size_t lda, const float *scale, size_t rows,
                      size_t m) {
#if VT_HAS_AVX2
  if (isa >= VT_ISA_AVX2) return pack_left_avx2(out, a, lda, scale, rows, m);
#endif
  pack_left_portable(out, a, lda, scale, rows, m);
}

static void pack_right(vt_isa isa, float *out, vt_right b, size_t first, size_t rows, size_t j,
                       size_t cols) {
#if VT_HAS_AVX2
  if (isa >= VT_ISA_AVX2) pack_right_avx2(out, b, first, rows, j, cols);
  else
#endif
    pack_right_portable(out, b, first, rows, j, cols);
}

static void weight_product_reference(float *c, size_t ldc, const float *a, size_t lda, const float *scale,
                                     vt_right b, size_t rows, size_t m, size_t n, int accumulate) {
  for (size_t i = 0; i < m; i++)
    for (size_t tap = 0; tap < b.taps; tap++)
      for (size_t j = 0; j < n; j++) {
        float *to = c + i * ldc + tap * b.tap_width + j;
        double sum = accumulate ? *to : 0;
        for (size_t r = 0; r < rows; r++) {
          ptrdiff_t row = b.cells ? b.cells[tap * b.tap_stride + r] : (ptrdiff_t)r;
          if (row < 0) continue;
          float v = b.data[(size_t)row * b.stride + j];
          if (b.mean) v = (v - b.mean[r]) * b.rstd[r] * b.gamma[j] + b.beta[j];
          sum += (double)a[r * lda + i] * (scale ? scale[r] : 1) * v;
        }
        *to = (float)sum;
      }
}

// The columns of one tap: panels of the right factor's rows first..<first+depth against the packed left factor.
static void multiply_stretch(vt_isa isa, vt_tiles tiles, float *c, size_t ldc, const float *left,
                             vt_right b, size_t first, size_t depth, size_t m, size_t n, int add,
                             float *panel) {
  float whole[TILE_ROWS * 2 * TILE_COLS];
  for (size_t j = 0, step; j < n; j += step) {
    int two = tiles.packed_two && j + TILE_COLS < n;
    step = two ? 2 * TILE_COLS : TILE_COLS;
    packed_tile tile = two ? tiles.packed_two : tiles.packed_one;
    size_t wide = n - j < step ? n - j : step, right = two ? depth * TILE_COLS : 8;
    for (size_t q = 0; q < wide; q += TILE_COLS)
      pack_right(isa, panel + q * depth, b, first, depth, j + q,
                 wide - q < TILE_COLS ? wide - q : TILE_COLS);
    for (size_t i = 0; i < m; i += TILE_ROWS) {
      size_t high = m - i < TILE_ROWS ? m - i : TILE_ROWS;
      float *to = c + i * ldc + j;
      if (high == TILE_ROWS && wide == step) {
        tile(depth, left + i * depth, panel, right, to, ldc, add);
      } else {
        tile(depth, left + i * depth, panel, right, whole, step, 0);
        place_tile(to, ldc, whole, step, add, high, wide);
      }
    }
  }
}

void vt_weight_product(vt_isa isa, float *c, size_t ldc, const float *a, size_t lda,
                       const float *row_scale, vt_right b, size_t rows, size_t m, size_t n,
                       int accumulate, float *scratch) {
  if (isa == VT_ISA_SCALAR) {
    weight_product_reference(c, ldc, a, lda, row_scale, b, rows, m, n, accumulate);
    return;
  }
  vt_tiles tiles = tiles_of(isa);
  float *left = scratch + 2 * TILE_COLS * DEPTH;
  if (rows == 0 && !accumulate)
    for (size_t i = 0; i < m; i++)
      for (size_t tap = 0; tap < b.taps; tap++) memset(c + i * ldc + tap * b.tap_width, 0, n * sizeof(float));
  for (size_t first = 0; first < rows; first += DEPTH) {
    size_t depth = rows - first < DEPTH ? rows - first : DEPTH;
    pack_left(isa, left, a + first * lda, lda, row_scale ? row_scale + first : 0, depth, m);
    for (size_t tap = 0; tap < b.taps; tap++) {
      vt_right one = b;
      if (b.cells) one.cells = b.cells + tap * b.tap_stride;
      multiply_stretch(isa, tiles, c + tap * b.tap_width, ldc, left, one, first, depth, m, n,
                       accumulate || first > 0, scratch);
    }
  }
}
