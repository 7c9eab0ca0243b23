#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cimaging.h"

enum { PRECISION = 22 };

static double bilinear(double x) {
  x = fabs(x);
  return x < 1 ? 1 - x : 0;
}

// Keys' cubic with a = -0.5.
static double bicubic(double x) {
  const double a = -0.5;
  x = fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

typedef struct {
  size_t taps;      // weights a pixel
  int32_t *first;   // first input pixel
  int32_t *length;  // how many
  int32_t *weight;  // fixed point
} vt_taps;

static void free_taps(vt_taps *t) {
  free(t->first);
  free(t->length);
  free(t->weight);
}

// PyTorch's weights have 16 bits: as many after the point as the largest of them allows.
static int torch_precision(double largest) {
  int precision = 0;
  while (precision < PRECISION && (int)(0.5 + largest * (1 << (precision + 1))) < 1 << 15) precision++;
  return precision;
}

// Of `out` pixels, those from `from` on, `count` of them.
static int make_taps(vt_taps *t, size_t in, size_t out, size_t from, size_t count, vt_filter kind,
                     int like_torch) {
  double scale = (double)in / (double)out, filter_scale = scale < 1 ? 1 : scale;
  double support = (kind == VT_FILTER_BICUBIC ? 2.0 : 1.0) * filter_scale;
  t->taps = (size_t)ceil(support) * 2 + 1;
  t->first = malloc(count * sizeof(int32_t));
  t->length = malloc(count * sizeof(int32_t));
  t->weight = calloc(count * t->taps, sizeof(int32_t));
  double *k = malloc(t->taps * sizeof(double));
  double *weights = calloc(count * t->taps, sizeof(double));
  if (!t->first || !t->length || !t->weight || !k || !weights) {
    free_taps(t);
    free(k);
    free(weights);
    return -1;
  }
  double largest = 0;
  // PyTorch's precision depends on all weights, including those of pixels outside the window.
  size_t start = like_torch ? 0 : from, end = like_torch ? out : from + count;
  for (size_t o = start; o < end; o++) {
    double center = ((double)o + 0.5) * scale, sum = 0;
    long low = (long)(center - support + 0.5), high = (long)(center + support + 0.5);
    if (low < 0) low = 0;
    if (high > (long)in) high = (long)in;
    long n = high - low;
    for (long x = 0; x < n; x++) {
      double at = ((double)(x + low) - center + 0.5) * (1.0 / filter_scale);
      k[x] = kind == VT_FILTER_BICUBIC ? bicubic(at) : bilinear(at);
      sum += k[x];
    }
    for (long x = 0; x < n; x++) {
      double w = sum != 0 ? k[x] / sum : k[x];
      if (w > largest) largest = w;
      if (o >= from && o - from < count) weights[(o - from) * t->taps + (size_t)x] = w;
    }
    if (o < from || o - from >= count) continue;
    t->first[o - from] = (int32_t)low;
    t->length[o - from] = (int32_t)n;
  }
  int bits = like_torch ? torch_precision(largest) : PRECISION;
  for (size_t i = 0; i < count * t->taps; i++)
    t->weight[i] = (int32_t)((weights[i] < 0 ? -0.5 : 0.5) + weights[i] * (1 << bits)) * (1 << (PRECISION - bits));
  free(weights);
  free(k);
  return 0;
}

static uint8_t clip(int32_t v) {
  v >>= PRECISION;
  return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
}

// Integer sums: every variant gives the same bits. `row` has a byte after its last pixel.
typedef int32_t i4v __attribute__((ext_vector_type(4)));
typedef uint8_t b4v __attribute__((ext_vector_type(4)));
#define VT_INLINE static inline __attribute__((always_inline))

VT_INLINE void horizontal_body(uint8_t *out, size_t out_width, const uint8_t *row, const vt_taps *t) {
  for (size_t x = 0; x < out_width; x++) {
    const uint8_t *p = row + (size_t)t->first[x] * 3;
    const int32_t *w = t->weight + x * t->taps;
    i4v sum = (i4v)(1 << (PRECISION - 1));
    for (int32_t i = 0; i < t->length[x]; i++) {
      b4v pixel;
      memcpy(&pixel, p + 3 * i, sizeof pixel);
      sum += __builtin_convertvector(pixel, i4v) * w[i];
    }
    for (int c = 0; c < 3; c++) out[3 * x + c] = clip(sum[c]);
  }
}

VT_INLINE void vertical_body(uint8_t *out, const uint8_t *in, size_t row, const int32_t *weight, size_t count,
                             int32_t *sums) {
  for (size_t i = 0; i < row; i++) sums[i] = 1 << (PRECISION - 1);
  for (size_t k = 0; k < count; k++)
    for (size_t i = 0; i < row; i++) sums[i] += in[k * row + i] * weight[k];
  for (size_t i = 0; i < row; i++) out[i] = clip(sums[i]);
}

static void horizontal_portable(uint8_t *out, size_t out_width, const uint8_t *row, const vt_taps *t) {
  horizontal_body(out, out_width, row, t);
}
static void vertical_portable(uint8_t *out, const uint8_t *in, size_t row, const int32_t *weight,
                              size_t count, int32_t *sums) {
  vertical_body(out, in, row, weight, count, sums);
}
#if defined(__x86_64__)
__attribute__((target("avx2"))) static void horizontal_avx2(uint8_t *out, size_t out_width, const uint8_t *row,
                                                            const vt_taps *t) {
  horizontal_body(out, out_width, row, t);
}
__attribute__((target("avx2"))) static void vertical_avx2(uint8_t *out, const uint8_t *in, size_t row,
                                                          const int32_t *weight, size_t count,
                                                          int32_t *sums) {
  vertical_body(out, in, row, weight, count, sums);
}
static int has_avx2(void) { return __builtin_cpu_supports("avx2"); }
#else
#define horizontal_avx2 horizontal_portable
#define vertical_avx2 vertical_portable
static int has_avx2(void) { return 0; }
#endif

// `padded` holds a row and a byte more.
static void horizontal(uint8_t *out, size_t out_width, const uint8_t *in, size_t in_width,
                       size_t rows, const vt_taps *t, uint8_t *padded) {
  int fast = has_avx2();
  for (size_t y = 0; y < rows; y++) {
    const uint8_t *row = in + y * in_width * 3;
    if (y + 1 == rows) row = memcpy(padded, row, in_width * 3);
    (fast ? horizontal_avx2 : horizontal_portable)(out + y * out_width * 3, out_width, row, t);
  }
}

static void vertical(uint8_t *out, size_t out_height, const uint8_t *in, size_t width,
                     const vt_taps *t, int32_t *sums) {
  int fast = has_avx2();
  size_t row = width * 3;
  for (size_t y = 0; y < out_height; y++)
    (fast ? vertical_avx2 : vertical_portable)(out + y * row, in + (size_t)t->first[y] * row, row,
                                               t->weight + y * t->taps, (size_t)t->length[y], sums);
}

// Rows of the input that `t` reads; its places then count from the first of them.
static void rows_needed(vt_taps *t, size_t count, size_t *first, size_t *rows) {
  size_t low = (size_t)t->first[0], high = 0;
  for (size_t i = 0; i < count; i++) {
    size_t from = (size_t)t->first[i], end = from + (size_t)t->length[i];
    if (from < low) low = from;
    if (end > high) high = end;
  }
  for (size_t i = 0; i < count; i++) t->first[i] -= (int32_t)low;
  *first = low;
  *rows = high - low;
}

int vt_resize_rgb(uint8_t *out, size_t full_width, size_t full_height, vt_window w, const uint8_t *in,
                  size_t in_width, size_t in_height, vt_filter filter, int like_torch) {
  vt_taps across = {0}, down = {0};
  int needs_across = full_width != in_width, needs_down = full_height != in_height;
  // Rows that shrink much faster than columns go first: fewer pixels for the other pass.
  int down_first = !like_torch && needs_across && needs_down && full_height < in_height &&
                   (long)(in_height - full_height) > 2 * ((long)in_width - (long)full_width);
  if (make_taps(&across, in_width, full_width, w.left, w.width, filter, like_torch) != 0) return -1;
  if (make_taps(&down, in_height, full_height, w.top, w.height, filter, like_torch) != 0) {
    free_taps(&across);
    return -1;
  }
  size_t first = w.top, rows = w.height;
  if (needs_down) rows_needed(&down, w.height, &first, &rows);
  const uint8_t *top = in + first * in_width * 3;
  size_t middle_width = down_first ? in_width : w.width;
  size_t middle_height = down_first ? w.height : rows;
  uint8_t *middle = malloc(middle_width * middle_height * 3 + 1);
  int32_t *sums = malloc((in_width > w.width ? in_width : w.width) * 3 * sizeof(int32_t));
  uint8_t *padded = calloc(in_width * 3 + 1, 1);
  int status = middle && sums && padded ? 0 : -1;
  if (status == 0) {
    // A pass that changes nothing only cuts out the columns that are wanted.
    if (!needs_across)
      for (size_t y = 0; y < rows; y++)
        memcpy(middle + y * w.width * 3, top + (y * in_width + w.left) * 3, w.width * 3);
    if (!needs_across && !needs_down) {
      memcpy(out, middle, w.width * w.height * 3);
    } else if (!needs_across) {
      vertical(out, w.height, middle, w.width, &down, sums);
    } else if (!needs_down) {
      horizontal(out, w.width, top, in_width, rows, &across, padded);
    } else if (down_first) {
      vertical(middle, w.height, top, in_width, &down, sums);
      horizontal(out, w.width, middle, in_width, w.height, &across, padded);
    } else {
      horizontal(middle, w.width, top, in_width, rows, &across, padded);
      vertical(out, w.height, middle, w.width, &down, sums);
    }
  }
  free_taps(&across);
  free_taps(&down);
  free(middle);
  free(sums);
  free(padded);
  return status;
}
