// Products over rows, which gradients of weights are: both operands are packed one chunk of rows at a time, operand A
// for the second-level cache, operand B one panel at a time for the first. A norm of operand B is applied while it is
// packed.
#include "tile.h"

enum { DEPTH = 192 };  // rows of a chunk: two panels take 24 KiB, 288 columns of the left factor 216 KiB

size_t vt_weight_product_scratch(size_t m) {
  return (m + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS * DEPTH + 2 * TILE_COLS * DEPTH;
}

// Columns of `a` six by six, [rows, 6] each, the last padded with zeros. Four rows at a time, so that memory is read in
// order; the next four are prefetched.
VT_INLINE void pack_left_body(float *out, const float *a, size_t lda, const float *scale, size_t rows,
                              size_t m) {
  enum { SOME = 4 };
  for (size_t first = 0; first < rows; first += SOME) {
    size_t end = first + SOME < rows ? first + SOME : rows, i = 0;
    const float *from = a + first * lda;
    if (end == first + SOME) {
      v8 s[SOME], v[SOME];
      for (size_t r = 0; r < SOME; r++) s[r] = splat8(scale ? scale[first + r] : 1);
      // Eight cost the same as six: the excess is overwritten by the next row.
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

#define LANES 8
#include "pack_right_body.h"
#define LANES 16
#include "pack_right_body.h"

static void pack_left_portable(float *out, const float *a, size_t lda, const float *scale, size_t rows,
                               size_t m) {
  pack_left_body(out, a, lda, scale, rows, m);
}
static void pack_right_portable(float *out, size_t second, vt_gemm_b b, size_t first, size_t rows, size_t j,
                                size_t cols) {
  pack_right_body8(out, second, b, first, rows, j, cols);
}
#if VT_HAS_AVX2
VT_AVX2 static void pack_left_avx2(float *out, const float *a, size_t lda, const float *scale, size_t rows,
                                   size_t m) {
  pack_left_body(out, a, lda, scale, rows, m);
}
VT_AVX2 static void pack_right_avx2(float *out, size_t second, vt_gemm_b b, size_t first, size_t rows, size_t j,
                                    size_t cols) {
  pack_right_body8(out, second, b, first, rows, j, cols);
}
VT_AVX512 static void pack_right_avx512(float *out, size_t second, vt_gemm_b b, size_t first, size_t rows,
                                        size_t j, size_t cols) {
  pack_right_body16(out, second, b, first, rows, j, cols);
}
#endif

static void pack_left(vt_isa isa, float *out, const float *a, size_t lda, const float *scale, size_t rows,
                      size_t m) {
#if VT_HAS_AVX2
  if (isa >= VT_ISA_AVX2) return pack_left_avx2(out, a, lda, scale, rows, m);
#endif
  pack_left_portable(out, a, lda, scale, rows, m);
}

// One panel, or the two that a tile of an instruction set with wider vectors takes, one after the other.
static void pack_right(vt_isa isa, int two, float *out, vt_gemm_b b, size_t first, size_t rows, size_t j,
                       size_t cols) {
#if VT_HAS_AVX2
  if (two) pack_right_avx512(out, rows * TILE_COLS, b, first, rows, j, cols);
  else if (isa >= VT_ISA_AVX2) pack_right_avx2(out, 8, b, first, rows, j, cols);
  else
#endif
    pack_right_portable(out, 8, b, first, rows, j, cols);
  (void)isa, (void)two;
}

static void weight_product_reference(float *c, size_t ldc, const float *a, size_t lda, const float *scale,
                                     vt_gemm_b b, size_t rows, size_t m, size_t n, int accumulate) {
  for (size_t i = 0; i < m; i++)
    for (size_t offset = 0; offset < b.kernel_offsets; offset++)
      for (size_t j = 0; j < n; j++) {
        float *to = c + i * ldc + offset * b.offset_width + j;
        double sum = accumulate ? *to : 0;
        for (size_t r = 0; r < rows; r++) {
          ptrdiff_t row = b.cells ? b.cells[offset * b.offset_stride + r] : (ptrdiff_t)r;
          if (row < 0) continue;
          float v = b.data[(size_t)row * b.stride + j];
          if (b.mean) v = (v - b.mean[r]) * b.rstd[r] * b.gamma[j] + b.beta[j];
          sum += (double)a[r * lda + i] * (scale ? scale[r] : 1) * v;
        }
        *to = (float)sum;
      }
}

// Maximum number of columns of a tile.
VT_INLINE size_t panels_width(vt_tiles tiles) { return tiles.packed_two ? 2 * TILE_COLS : TILE_COLS; }

// What will be packed next: columns j..<j+cols of rows first..<first+rows. It is prefetched piecewise beside each tile,
// since packing would otherwise wait for memory.
typedef struct {
  vt_gemm_b b;
  size_t first, rows, j, cols;
} coming;

VT_INLINE void fetch(const coming *next, size_t part, size_t parts) {
  for (size_t r = next->rows * part / parts; r < next->rows * (part + 1) / parts; r++) {
    ptrdiff_t row = next->b.cells ? next->b.cells[next->first + r] : (ptrdiff_t)(next->first + r);
    if (row < 0) continue;
    const float *from = next->b.data + (size_t)row * next->b.stride + next->j;
    for (size_t c = 0; c < next->cols; c += 16) __builtin_prefetch(from + c, 0, 2);
  }
}

// The columns at one kernel offset: panels of operand B's rows first..<first+depth times the packed operand A. `after`
// is what follows the last of them.
static void multiply_chunk(vt_isa isa, vt_tiles tiles, float *c, size_t ldc, const float *left,
                             vt_gemm_b b, size_t first, size_t depth, size_t m, size_t n, int add,
                             float *panel, coming after) {
  float whole[TILE_ROWS * 2 * TILE_COLS];
  size_t widest = panels_width(tiles), parts = (m + TILE_ROWS - 1) / TILE_ROWS;
  for (size_t j = 0, step; j < n; j += step) {
    int two = tiles.packed_two && j + TILE_COLS < n;
    step = two ? 2 * TILE_COLS : TILE_COLS;
    packed_tile tile = two ? tiles.packed_two : tiles.packed_one;
    size_t wide = n - j < step ? n - j : step, right = two ? depth * TILE_COLS : 8;
    size_t rest = n - j - wide;
    coming next = rest ? (coming){b, first, depth, j + wide, rest < widest ? rest : widest} : after;
    pack_right(isa, two, panel, b, first, depth, j, wide);
    for (size_t i = 0; i < m; i += TILE_ROWS) {
      size_t high = m - i < TILE_ROWS ? m - i : TILE_ROWS;
      float *to = c + i * ldc + j;
      fetch(&next, i / TILE_ROWS, parts);
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
                       const float *row_scale, vt_gemm_b b, size_t rows, size_t m, size_t n,
                       int accumulate, float *scratch) {
  if (isa == VT_ISA_SCALAR) {
    weight_product_reference(c, ldc, a, lda, row_scale, b, rows, m, n, accumulate);
    return;
  }
  vt_tiles tiles = tiles_of(isa);
  size_t widest = panels_width(tiles);
  float *left = scratch + 2 * TILE_COLS * DEPTH;
  if (rows == 0 && !accumulate)
    for (size_t i = 0; i < m; i++)
      for (size_t offset = 0; offset < b.kernel_offsets; offset++)
        memset(c + i * ldc + offset * b.offset_width, 0, n * sizeof(float));
  for (size_t first = 0; first < rows; first += DEPTH) {
    size_t depth = rows - first < DEPTH ? rows - first : DEPTH;
    pack_left(isa, left, a + first * lda, lda, row_scale ? row_scale + first : 0, depth, m);
    for (size_t offset = 0; offset < b.kernel_offsets; offset++) {
      vt_gemm_b one = b, following = b;
      int more = offset + 1 < b.kernel_offsets;
      if (b.cells) {
        one.cells = b.cells + offset * b.offset_stride;
        following.cells = b.cells + (more ? offset + 1 : 0) * b.offset_stride;
      }
      size_t from = more ? first : first + depth, left_over = rows - from;
      coming after = {following, from, left_over < DEPTH ? left_over : DEPTH, 0, n < widest ? n : widest};
      multiply_chunk(isa, tiles, c + offset * b.offset_width, ldc, left, one, first, depth, m, n,
                       accumulate || first > 0, scratch, after);
    }
  }
}
