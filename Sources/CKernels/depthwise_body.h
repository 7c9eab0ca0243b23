// Depthwise convolutions on vectors of LANES channels.
#include "lanes_begin.h"

// out (+)= the sum of all rows times their weights.
VT_INLINE void L(weighted_sum)(float *out, const weighted_row *rows, size_t count, size_t channels, int add) {
  enum { SOME = 4 };  // vectors summed side by side
  size_t c = 0;
  for (; c + SOME * LANES <= channels; c += SOME * LANES) {
    V sums[SOME];
    for (int q = 0; q < SOME; q++) sums[q] = add ? L(load)(out + c + q * LANES) : S(0);
    for (size_t t = 0; t < count; t++) {
      const float *values = rows[t].values + c, *weights = rows[t].weights + c;
      for (int q = 0; q < SOME; q++) sums[q] += L(load)(values + q * LANES) * L(load)(weights + q * LANES);
    }
    for (int q = 0; q < SOME; q++) L(store)(out + c + q * LANES, sums[q]);
  }
  for (; c < channels; c += LANES) {
    size_t n = channels - c < LANES ? channels - c : LANES;
    V sum = add ? L(load_part)(out + c, n) : S(0);
    for (size_t t = 0; t < count; t++)
      sum += L(load_part)(rows[t].values + c, n) * L(load_part)(rows[t].weights + c, n);
    L(store_part)(out + c, sum, n);
  }
}

// Rows first..<first+count, gathered cell by cell: the output from the input or, if `back`, the input's gradient from
// the output's.
VT_INLINE void L(gather_cells)(float *to, const float *from, const float *weight, vt_geometry g, int back,
                            size_t first, size_t count, int accumulate) {
  weighted_row terms[MOST_TERMS];
  size_t to_width = back ? g.width : g.out_width, from_width = back ? g.out_width : g.width;
  for (size_t y = first; y < first + count; y++)
    for (size_t x = 0; x < to_width; x++, to += g.channels) {
      size_t n = 0;
      int add = accumulate;
      for (size_t r = 0; r < g.kernel; r++) {
        ptrdiff_t fy = back ? source(y, r, g.stride, g.padding, g.out_height)
                            : place(y, r, g.stride, g.padding, g.height);
        if (fy < 0) continue;
        for (size_t s = 0; s < g.kernel; s++) {
          ptrdiff_t fx = back ? source(x, s, g.stride, g.padding, g.out_width)
                              : place(x, s, g.stride, g.padding, g.width);
          if (fx < 0) continue;
          if (n == MOST_TERMS) {
            L(weighted_sum)(to, terms, n, g.channels, add);
            n = 0;
            add = 1;
          }
          terms[n++] = (weighted_row){from + ((size_t)fy * from_width + (size_t)fx) * g.channels,
                                      weight + (r * g.kernel + s) * g.channels};
        }
      }
      if (n || !add) L(weighted_sum)(to, terms, n, g.channels, add);
    }
}

VT_INLINE void L(depthwise_forward_body)(float *y, const float *x, const float *weight, vt_geometry g,
                                      size_t first, size_t count) {
  L(gather_cells)(y, x, weight, g, 0, first, count, 0);
}

VT_INLINE void L(depthwise_backward_input_body)(float *dx, const float *dy, const float *weight,
                                             vt_geometry g, int accumulate) {
  L(gather_cells)(dx, dy, weight, g, 1, 0, g.height, accumulate);
}

// One output row at a time, so that it and its inputs stay in the first-level cache for all cells of the kernel, a few
// vectors of channels at a time.
VT_INLINE void L(depthwise_backward_weight_body)(float *dweight, const float *dy, const float *x, vt_geometry g) {
  enum { SOME = 4 };
  for (size_t oy = 0; oy < g.out_height; oy++, dy += g.out_width * g.channels)
    for (size_t c = 0, step; c < g.channels; c += step) {
      int whole = c + SOME * LANES <= g.channels;
      step = whole ? SOME * LANES : LANES;
      size_t n = g.channels - c < step ? g.channels - c : step;
      for (size_t r = 0; r < g.kernel; r++) {
        ptrdiff_t iy = place(oy, r, g.stride, g.padding, g.height);
        if (iy < 0) continue;
        const float *row = x + (size_t)iy * g.width * g.channels + c;
        for (size_t s = 0; s < g.kernel; s++) {
          float *sums = dweight + (r * g.kernel + s) * g.channels + c;
          // Columns whose input is within the image: from <= ox < to, with input column ox * stride + s - padding.
          size_t from = s >= g.padding ? 0 : (g.padding - s + g.stride - 1) / g.stride;
          size_t to = g.width + g.padding <= s ? 0 : (g.width + g.padding - s - 1) / g.stride + 1;
          if (to > g.out_width) to = g.out_width;
          if (from >= to) continue;
          const float *left = dy + from * g.channels + c;
          const float *right = row + (from * g.stride + s - g.padding) * g.channels;
          size_t left_step = g.channels, right_step = g.stride * g.channels;
          if (whole) {
            V v[SOME];
            for (int q = 0; q < SOME; q++) v[q] = L(load)(sums + q * LANES);
            for (size_t i = from; i < to; i++, left += left_step, right += right_step)
              for (int q = 0; q < SOME; q++) v[q] += L(load)(left + q * LANES) * L(load)(right + q * LANES);
            for (int q = 0; q < SOME; q++) L(store)(sums + q * LANES, v[q]);
          } else {
            V v = L(load_part)(sums, n);
            for (size_t i = from; i < to; i++, left += left_step, right += right_step)
              v += L(load_part)(left, n) * L(load_part)(right, n);
            L(store_part)(sums, v, n);
          }
        }
      }
    }
}

#include "lanes_end.h"
