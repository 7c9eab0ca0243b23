// Depthwise convolutions: each channel has its own kernel. The reference sums in double; the others run along the
// channels, so that memory is read and written in order.
#include "geometry.h"

// A row of values and its weights, one of each per channel.
typedef struct {
  const float *values, *weights;
} weighted_row;

enum { MOST_TERMS = 64 };  // per sum at a time: a kernel of 8 x 8

// The output row that kernel row `k` contributes to from input row `i`, or -1; the same for columns.
VT_INLINE ptrdiff_t source(size_t i, size_t k, size_t stride, size_t padding, size_t length) {
  if (i + padding < k) return -1;
  uint32_t at = (uint32_t)(i + padding - k);
  if (stride > 1) {
    if (at % (uint32_t)stride) return -1;
    at /= (uint32_t)stride;
  }
  return at < length ? (ptrdiff_t)at : -1;
}

#define LANES 8
#include "depthwise_body.h"
#define LANES 16
#include "depthwise_body.h"

static void depthwise_forward_scalar(float *y, const float *x, const float *weight, vt_geometry g,
                                     size_t first, size_t count) {
  for (size_t oy = first; oy < first + count; oy++)
    for (size_t ox = 0; ox < g.out_width; ox++)
      for (size_t c = 0; c < g.channels; c++) {
        double sum = 0;
        for (size_t r = 0; r < g.kernel; r++)
          for (size_t s = 0; s < g.kernel; s++) {
            ptrdiff_t iy = place(oy, r, g.stride, g.padding, g.height);
            ptrdiff_t ix = place(ox, s, g.stride, g.padding, g.width);
            if (iy < 0 || ix < 0) continue;
            sum += (double)x[((size_t)iy * g.width + (size_t)ix) * g.channels + c] *
                   weight[(r * g.kernel + s) * g.channels + c];
          }
        y[((oy - first) * g.out_width + ox) * g.channels + c] = (float)sum;
      }
}

VT_DISPATCH_WIDE(depthwise_forward,
                 (float *y, const float *x, const float *weight, vt_geometry g, size_t first,
                  size_t count),
                 (y, x, weight, g, first, count))

static void depthwise_backward_input_scalar(float *dx, const float *dy, const float *weight,
                                            vt_geometry g, int accumulate) {
  if (!accumulate) memset(dx, 0, g.height * g.width * g.channels * sizeof(float));
  for (size_t oy = 0; oy < g.out_height; oy++)
    for (size_t ox = 0; ox < g.out_width; ox++)
      for (size_t r = 0; r < g.kernel; r++)
        for (size_t s = 0; s < g.kernel; s++) {
          ptrdiff_t iy = place(oy, r, g.stride, g.padding, g.height);
          ptrdiff_t ix = place(ox, s, g.stride, g.padding, g.width);
          if (iy < 0 || ix < 0) continue;
          for (size_t c = 0; c < g.channels; c++)
            dx[((size_t)iy * g.width + (size_t)ix) * g.channels + c] +=
                dy[(oy * g.out_width + ox) * g.channels + c] *
                weight[(r * g.kernel + s) * g.channels + c];
        }
}

VT_DISPATCH_WIDE(depthwise_backward_input,
                 (float *dx, const float *dy, const float *weight, vt_geometry g, int accumulate),
                 (dx, dy, weight, g, accumulate))

static void depthwise_backward_weight_scalar(float *dweight, const float *dy, const float *x,
                                             vt_geometry g) {
  for (size_t r = 0; r < g.kernel; r++)
    for (size_t s = 0; s < g.kernel; s++)
      for (size_t c = 0; c < g.channels; c++) {
        double sum = 0;
        for (size_t oy = 0; oy < g.out_height; oy++)
          for (size_t ox = 0; ox < g.out_width; ox++) {
            ptrdiff_t iy = place(oy, r, g.stride, g.padding, g.height);
            ptrdiff_t ix = place(ox, s, g.stride, g.padding, g.width);
            if (iy < 0 || ix < 0) continue;
            sum += (double)dy[(oy * g.out_width + ox) * g.channels + c] *
                   x[((size_t)iy * g.width + (size_t)ix) * g.channels + c];
          }
        dweight[(r * g.kernel + s) * g.channels + c] += (float)sum;
      }
}

VT_DISPATCH_WIDE(depthwise_backward_weight,
                 (float *dweight, const float *dy, const float *x, vt_geometry g), (dweight, dy, x, g))
