// Products of activations and weights: the right matrix is packed once for all rows, the left one is read
// where it lies, and what follows the product (bias, activation) is done while it is in the first-level cache.
#include "vector.h"

enum {
  TILE_ROWS = 6,      // with TILE_COLS: twelve eight-float sums, which leaves registers for the operands
  TILE_COLS = 16,
  BLOCK_ROWS = 96,    // rows that go through one panel before the next
  BLOCK_DEPTH = 320,  // a panel of this depth takes 20 KiB
};

int vt_product_is_optimized(void) {
#ifdef __OPTIMIZE__
  return 1;
#else
  return 0;
#endif
}

size_t vt_panels_size(size_t depth, size_t cols) {
  return (cols + TILE_COLS - 1) / TILE_COLS * TILE_COLS * depth;
}

void vt_pack_panels(float *panels, const float *b, size_t ldb, int transposed, size_t depth,
                    size_t cols) {
  for (size_t c = 0; c < cols; c += TILE_COLS, panels += depth * TILE_COLS) {
    size_t n = cols - c < TILE_COLS ? cols - c : TILE_COLS;
    if (n < TILE_COLS) memset(panels, 0, depth * TILE_COLS * sizeof(float));
    if (transposed) {
      // A stretch of each row at a time, so that what is written stays in the first-level cache.
      for (size_t first = 0; first < depth; first += 64) {
        size_t end = first + 64 < depth ? first + 64 : depth;
        for (size_t j = 0; j < n; j++) {
          const float *from = b + (c + j) * ldb;
          for (size_t p = first; p < end; p++) panels[p * TILE_COLS + j] = from[p];
        }
      }
    } else {
      for (size_t p = 0; p < depth; p++)
        memcpy(panels + p * TILE_COLS, b + p * ldb + c, n * sizeof(float));
    }
  }
}

// One tile: each element is a chain of multiplications and additions in the order of depth, whatever
// tile it falls in; what `c` held is added last where `add` is set.
VT_INLINE void tile_body(size_t depth, const float *const *a, const float *b, float *c, size_t ldc,
                    int add) {
  v8 sums[TILE_ROWS][2] = {0};
  for (size_t p = 0; p < depth; p++, b += TILE_COLS) {
    v8 left = load8(b), right = load8(b + 8);
#pragma clang loop unroll(full)
    for (int i = 0; i < TILE_ROWS; i++) {
      v8 x = splat8(a[i][p]);
      sums[i][0] += x * left;
      sums[i][1] += x * right;
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < TILE_ROWS; i++) {
    float *to = c + (size_t)i * ldc;
    store8(to, add ? load8(to) + sums[i][0] : sums[i][0]);
    store8(to + 8, add ? load8(to + 8) + sums[i][1] : sums[i][1]);
  }
}

// A function of its own, so that the operands' addresses have all the registers.
typedef void (*tile_function)(size_t, const float *const *, const float *, float *, size_t, int);

__attribute__((noinline)) static void tile_portable(size_t depth, const float *const *a,
                                                    const float *b, float *c, size_t ldc, int add) {
  tile_body(depth, a, b, c, ldc, add);
}

#if VT_HAS_AVX2
VT_AVX2 __attribute__((noinline)) static void tile_avx2(size_t depth, const float *const *a,
                                                        const float *b, float *c, size_t ldc,
                                                        int add) {
  tile_body(depth, a, b, c, ldc, add);
}
#endif

// A tile over the matrix's edge, by way of a whole one.
VT_INLINE void edge_tile(tile_function tile, size_t depth, const float *const *a, const float *b,
                         float *c, size_t ldc, int add, size_t rows, size_t cols) {
  float whole[TILE_ROWS * TILE_COLS];
  tile(depth, a, b, whole, TILE_COLS, 0);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < cols; j++) {
      float v = whole[i * TILE_COLS + j];
      c[i * ldc + j] = add ? c[i * ldc + j] + v : v;
    }
}

VT_INLINE void product_body(vt_isa isa, tile_function tile, float *c, size_t ldc, const float *a, size_t lda,
                            const float *panels, size_t rows, size_t cols, size_t depth,
                            int accumulate, vt_activation kind, float *out, const float *bias) {
  size_t parts = (depth + BLOCK_DEPTH - 1) / BLOCK_DEPTH;
  size_t part = parts ? (depth + parts - 1) / parts : 0;
  int finishes = bias || out || kind != VT_ACTIVATION_NONE;
  for (size_t r = 0; r < rows; r += BLOCK_ROWS) {
    size_t block = rows - r < BLOCK_ROWS ? rows - r : BLOCK_ROWS;
    for (size_t k = 0; k < depth; k += part) {
      size_t length = depth - k < part ? depth - k : part;
      int add = accumulate || k > 0;
      for (size_t j = 0; j < cols; j += TILE_COLS) {
        size_t wide = cols - j < TILE_COLS ? cols - j : TILE_COLS;
        const float *panel = panels + j * depth + k * TILE_COLS;
        for (size_t i = 0; i < block; i += TILE_ROWS) {
          size_t high = block - i < TILE_ROWS ? block - i : TILE_ROWS;
          const float *row[TILE_ROWS];
          for (size_t q = 0; q < TILE_ROWS; q++)
            row[q] = a + (r + i + (q < high ? q : 0)) * lda + k;
          float *to = c + (r + i) * ldc + j;
          if (high == TILE_ROWS && wide == TILE_COLS) tile(length, row, panel, to, ldc, add);
          else edge_tile(tile, length, row, panel, to, ldc, add, high, wide);
        }
        if (finishes && k + length == depth) {
          float *done = c + r * ldc + j;
          vt_bias_activation(isa, kind, done, out ? out + r * ldc + j : done,
                             bias ? bias + j : NULL, block, wide, ldc);
        }
      }
    }
  }
}

static void product_portable(float *c, size_t ldc, const float *a, size_t lda, const float *panels,
                             size_t rows, size_t cols, size_t depth, int accumulate,
                             vt_activation kind, float *out, const float *bias) {
  product_body(VT_ISA_PORTABLE, tile_portable, c, ldc, a, lda, panels, rows, cols, depth, accumulate, kind, out,
               bias);
}

#if VT_HAS_AVX2
VT_AVX2 static void product_avx2(float *c, size_t ldc, const float *a, size_t lda,
                                 const float *panels, size_t rows, size_t cols, size_t depth,
                                 int accumulate, vt_activation kind, float *out,
                                 const float *bias) {
  product_body(VT_ISA_AVX2, tile_avx2, c, ldc, a, lda, panels, rows, cols, depth, accumulate, kind, out, bias);
}
#endif

static void product_scalar(float *c, size_t ldc, const float *a, size_t lda, const float *panels,
                           size_t rows, size_t cols, size_t depth, int accumulate,
                           vt_activation kind, float *out, const float *bias) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < cols; j++) {
      const float *panel = panels + j / TILE_COLS * TILE_COLS * depth + j % TILE_COLS;
      double sum = accumulate ? c[i * ldc + j] : 0;
      for (size_t p = 0; p < depth; p++) sum += (double)a[i * lda + p] * panel[p * TILE_COLS];
      c[i * ldc + j] = (float)sum;
    }
  if (bias || out || kind != VT_ACTIVATION_NONE)
    vt_bias_activation(VT_ISA_SCALAR, kind, c, out ? out : c, bias, rows, cols, ldc);
}

void vt_product(vt_isa isa, float *c, size_t ldc, const float *a, size_t lda, const float *panels,
                size_t rows, size_t cols, size_t depth, int accumulate, vt_activation kind,
                float *out, const float *bias) {
#if VT_HAS_AVX2
  if (isa == VT_ISA_AVX2) {
    product_avx2(c, ldc, a, lda, panels, rows, cols, depth, accumulate, kind, out, bias);
    return;
  }
#endif
  if (isa == VT_ISA_SCALAR)
    product_scalar(c, ldc, a, lda, panels, rows, cols, depth, accumulate, kind, out, bias);
  else product_portable(c, ldc, a, lda, panels, rows, cols, depth, accumulate, kind, out, bias);
}
