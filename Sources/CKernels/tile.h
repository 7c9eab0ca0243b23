// The tile that all products consist of: 6 rows by 16 columns. Each element is a chain of multiplications and additions
// in the order of depth, whatever tile it falls in. Operand A is read in place, through one pointer per row, or from
// columns packed six by six; operand B is in panels [depth, 16].
#ifndef VT_TILE_H
#define VT_TILE_H

#include "vector.h"

enum { TILE_ROWS = 6, TILE_COLS = 16 };  // twelve eight-float sums leave registers for the operands

// Vectors of type V: two of them side by side make the tile's columns; `right` is where the second begins. Sums go to
// `c`, added to its content if `add` is set.
#define TILE_BODY(V, LOAD, STORE, WIDTH, LEFT)                                 \
  V sums[TILE_ROWS][2] = {0};                                                  \
  for (size_t p = 0; p < depth; p++, b += TILE_COLS) {                         \
    V low = LOAD(b), high = LOAD(b + right);                                   \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < TILE_ROWS; i++) {   \
      V x = (V)(LEFT);                                                         \
      sums[i][0] += x * low;                                                   \
      sums[i][1] += x * high;                                                  \
    }                                                                          \
  }                                                                            \
  _Pragma("clang loop unroll(full)") for (int i = 0; i < TILE_ROWS; i++) {     \
    float *to = c + (size_t)i * ldc;                                           \
    STORE(to, add ? LOAD(to) + sums[i][0] : sums[i][0]);                       \
    STORE(to + WIDTH, add ? LOAD(to + WIDTH) + sums[i][1] : sums[i][1]);       \
  }

// The bodies take no vector arguments, so that they can be inlined into functions for any processor.
#define TILE_BODIES(width, V, LOAD, STORE)                                     \
  VT_INLINE void rows_tile_of_##width(size_t depth, const float *const *a,     \
                                      const float *b, size_t right, float *c,  \
                                      size_t ldc, int add) {                   \
    TILE_BODY(V, LOAD, STORE, width, a[i][p])                                  \
  }                                                                            \
  VT_INLINE void packed_tile_of_##width(size_t depth, const float *a,          \
                                        const float *b, size_t right,          \
                                        float *c, size_t ldc, int add) {       \
    TILE_BODY(V, LOAD, STORE, width, a[p * TILE_ROWS + i])                     \
  }
TILE_BODIES(8, v8, load8, store8)
TILE_BODIES(16, v16, load16, store16)

// Separate functions, so that the operands' addresses have all registers.
#define TILE_FUNCTIONS(name, target, width)                                    \
  target __attribute__((noinline, unused)) static void rows_tile_##name(       \
      size_t depth, const float *const *a, const float *b, size_t right,       \
      float *c, size_t ldc, int add) {                                         \
    rows_tile_of_##width(depth, a, b, right, c, ldc, add);                     \
  }                                                                            \
  target __attribute__((noinline, unused)) static void packed_tile_##name(     \
      size_t depth, const float *a, const float *b, size_t right, float *c,    \
      size_t ldc, int add) {                                                   \
    packed_tile_of_##width(depth, a, b, right, c, ldc, add);                   \
  }

TILE_FUNCTIONS(portable, , 8)
#if VT_HAS_AVX2
TILE_FUNCTIONS(avx2, VT_AVX2, 8)
// With vectors of sixteen, a tile is two panels wide.
TILE_FUNCTIONS(avx512, VT_AVX512, 16)
#endif

typedef void (*rows_tile)(size_t, const float *const *, const float *, size_t, float *, size_t, int);
typedef void (*packed_tile)(size_t, const float *, const float *, size_t, float *, size_t, int);

// The tiles of an instruction set: for one panel, and for two if it has wider vectors.
typedef struct {
  rows_tile rows_one, rows_two;
  packed_tile packed_one, packed_two;
} vt_tiles;

VT_INLINE vt_tiles tiles_of(vt_isa isa) {
#if VT_HAS_AVX2
  if (isa == VT_ISA_AVX512)
    return (vt_tiles){rows_tile_avx2, rows_tile_avx512, packed_tile_avx2, packed_tile_avx512};
  if (isa == VT_ISA_AVX2) return (vt_tiles){rows_tile_avx2, 0, packed_tile_avx2, 0};
#endif
  (void)isa;
  return (vt_tiles){rows_tile_portable, 0, packed_tile_portable, 0};
}

// Copies a tile over a matrix's edge, which was computed completely, to its place.
VT_INLINE void place_tile(float *c, size_t ldc, const float *whole, size_t width, int add, size_t rows,
                          size_t cols) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < cols; j++) {
      float v = whole[i * width + j];
      c[i * ldc + j] = add ? c[i * ldc + j] + v : v;
    }
}

#endif
