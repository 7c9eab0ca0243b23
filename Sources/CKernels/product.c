// Products of activations and weights: operand B is packed once for all rows, operand A is read in place, and what
// follows the product (bias, activation, residual) is computed while it is in the first-level cache.
#include "tile.h"

enum {
  BLOCK_ROWS = 96,    // rows per panel before the next one
  BLOCK_DEPTH = 320,  // a panel of this depth takes 20 KiB
};

// What cells outside of an image read.
static const float zero_row[BLOCK_DEPTH];

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

// Transposes eight rows of eight elements: eight depths of half a panel.
VT_INLINE void turn8(float *to, const float *from, size_t ldb) {
  v8 r[8], s[8], t[8];
  for (int i = 0; i < 8; i++) r[i] = load8(from + (size_t)i * ldb);
  for (int i = 0; i < 8; i += 2) {
    s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; j++) {
      t[i + 2 * j] = __builtin_shufflevector(s[i + j], s[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      t[i + 2 * j + 1] = __builtin_shufflevector(s[i + j], s[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < 4; i++) {
    store8(to + (size_t)i * TILE_COLS, __builtin_shufflevector(t[i], t[i + 4], 0, 1, 2, 3, 8, 9, 10, 11));
    store8(to + (size_t)(i + 4) * TILE_COLS,
           __builtin_shufflevector(t[i], t[i + 4], 4, 5, 6, 7, 12, 13, 14, 15));
  }
}

VT_INLINE void pack_panels_body(float *panels, const float *b, size_t ldb, int transposed, size_t depth,
                                size_t cols) {
  for (size_t c = 0; c < cols; c += TILE_COLS, panels += depth * TILE_COLS) {
    size_t n = cols - c < TILE_COLS ? cols - c : TILE_COLS;
    if (n < TILE_COLS) memset(panels, 0, depth * TILE_COLS * sizeof(float));
    if (transposed) {
      size_t p = 0;
      if (n == TILE_COLS)
        for (; p + 8 <= depth; p += 8) {
          turn8(panels + p * TILE_COLS, b + c * ldb + p, ldb);
          turn8(panels + p * TILE_COLS + 8, b + (c + 8) * ldb + p, ldb);
        }
      for (size_t j = 0; j < n; j++)
        for (size_t q = p; q < depth; q++) panels[q * TILE_COLS + j] = b[(c + j) * ldb + q];
    } else if (n == TILE_COLS) {
      for (size_t p = 0; p < depth; p++)
        memcpy(panels + p * TILE_COLS, b + p * ldb + c, TILE_COLS * sizeof(float));
    } else {
      for (size_t p = 0; p < depth; p++)
        for (size_t j = 0; j < n; j++) panels[p * TILE_COLS + j] = b[p * ldb + c + j];
    }
  }
}

static void pack_panels_scalar(float *panels, const float *b, size_t ldb, int transposed, size_t depth,
                               size_t cols) {
  for (size_t c = 0; c < cols; c += TILE_COLS, panels += depth * TILE_COLS)
    for (size_t p = 0; p < depth; p++)
      for (size_t j = 0; j < TILE_COLS; j++)
        panels[p * TILE_COLS + j] =
            c + j >= cols ? 0 : transposed ? b[(c + j) * ldb + p] : b[p * ldb + c + j];
}

VT_DISPATCH(pack_panels,
            (float *panels, const float *b, size_t ldb, int transposed, size_t depth, size_t cols),
            (panels, b, ldb, transposed, depth, cols))

// Applies the epilogue `f` to columns j.. of a block of rows.
VT_INLINE void epilogue_block(vt_isa isa, const vt_epilogue *f, float *c, size_t ldc, size_t r, size_t j,
                            size_t rows, size_t cols) {
  size_t at = r * ldc + j;
  float *from = c + at, *to = f->out ? f->out + at : from;
  if (f->before)
    vt_activation_backward(isa, f->kind, to, f->again ? f->again + at : 0, from, f->before + at, rows, cols, ldc);
  else if (f->bias || f->out || f->kind != VT_ACTIVATION_NONE)
    vt_bias_activation(isa, f->kind, from, to, f->bias ? f->bias + j : 0, rows, cols, ldc);
  if (f->residual)
    vt_add_rows(isa, to, f->residual + at, f->row_scale ? f->row_scale + r : 0, rows, cols, ldc);
  if (f->sums) vt_column_sums(isa, f->sums + j, to, rows, cols, ldc, r > 0);
}

void vt_apply_epilogue(vt_isa isa, const vt_epilogue *epilogue, float *c, size_t ldc, size_t rows, size_t cols) {
  epilogue_block(isa, epilogue, c, ldc, 0, 0, rows, cols);
}

// Prefetches what `f` will read for a tile: a few columns of every row, which processors do not predict.
VT_INLINE void fetch_epilogue(const vt_epilogue *f, size_t at, size_t ldc, size_t rows, size_t cols) {
  const float *from = f->before ? f->before : f->residual;
  if (!from) return;
  for (size_t i = 0; i < rows; i++)
    for (size_t c = 0; c < cols; c += 16) __builtin_prefetch(from + at + i * ldc + c);
}

static void product_reference(float *c, size_t ldc, vt_gemm_a a, const float *panels, size_t rows,
                              size_t cols, int accumulate) {
  size_t depth = a.kernel_offsets * a.depth;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < cols; j++) {
      const float *panel = panels + j / TILE_COLS * TILE_COLS * depth + j % TILE_COLS;
      double sum = accumulate ? c[i * ldc + j] : 0;
      for (size_t t = 0; t < a.kernel_offsets; t++) {
        ptrdiff_t row = a.cells ? a.cells[t * a.offset_stride + i] : (ptrdiff_t)i;
        if (row < 0) continue;
        for (size_t p = 0; p < a.depth; p++)
          sum += (double)a.data[(size_t)row * a.stride + p] * panel[(t * a.depth + p) * TILE_COLS];
      }
      c[i * ldc + j] = (float)sum;
    }
}

// Pointers to the rows of one block at one kernel offset, from depth k on; the last tile is padded.
VT_INLINE void row_pointers(const float **rows, vt_gemm_a a, size_t offset, size_t first, size_t count,
                            size_t k) {
  for (size_t i = 0; i < count; i++) {
    ptrdiff_t row = a.cells ? a.cells[offset * a.offset_stride + first + i] : (ptrdiff_t)(first + i);
    rows[i] = row < 0 ? zero_row : a.data + (size_t)row * a.stride + k;
  }
  for (size_t i = count; i % TILE_ROWS; i++) rows[i] = rows[0];
}

void vt_product(vt_isa isa, float *c, size_t ldc, vt_gemm_a a, const float *panels, size_t rows,
                size_t cols, int accumulate, vt_epilogue epilogue) {
  if (isa == VT_ISA_SCALAR) {
    product_reference(c, ldc, a, panels, rows, cols, accumulate);
    epilogue_block(isa, &epilogue, c, ldc, 0, 0, rows, cols);
    return;
  }
  vt_tiles tiles = tiles_of(isa);
  size_t panel_size = a.kernel_offsets * a.depth * TILE_COLS;
  size_t parts = (a.depth + BLOCK_DEPTH - 1) / BLOCK_DEPTH;
  size_t part = parts ? (a.depth + parts - 1) / parts : 0;
  const float *pointers[BLOCK_ROWS + TILE_ROWS];
  float whole[TILE_ROWS * 2 * TILE_COLS];
  for (size_t r = 0; r < rows; r += BLOCK_ROWS) {
    size_t block = rows - r < BLOCK_ROWS ? rows - r : BLOCK_ROWS;
    for (size_t offset = 0; offset < a.kernel_offsets; offset++)
      for (size_t k = 0; k < a.depth; k += part) {
        size_t length = a.depth - k < part ? a.depth - k : part;
        int add = accumulate || k > 0 || offset > 0;
        int last = offset + 1 == a.kernel_offsets && k + length == a.depth;
        row_pointers(pointers, a, offset, r, block, k);
        for (size_t j = 0, step; j < cols; j += step) {
          int two = tiles.rows_two && j + TILE_COLS < cols;
          step = two ? 2 * TILE_COLS : TILE_COLS;
          rows_tile tile = two ? tiles.rows_two : tiles.rows_one;
          size_t wide = cols - j < step ? cols - j : step, right = two ? panel_size : 8;
          const float *panel = panels + j / TILE_COLS * panel_size + (offset * a.depth + k) * TILE_COLS;
          for (size_t i = 0; i < block; i += TILE_ROWS) {
            size_t high = block - i < TILE_ROWS ? block - i : TILE_ROWS;
            float *to = c + (r + i) * ldc + j;
            if (last) fetch_epilogue(&epilogue, (r + i) * ldc + j, ldc, high, wide);
            if (high == TILE_ROWS && wide == step) {
              tile(length, pointers + i, panel, right, to, ldc, add);
            } else {
              tile(length, pointers + i, panel, right, whole, step, 0);
              place_tile(to, ldc, whole, step, add, high, wide);
            }
          }
          if (last) epilogue_block(isa, &epilogue, c, ldc, r, j, block, wide);
        }
      }
  }
}
