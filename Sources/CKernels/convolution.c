#include "geometry.h"

void vt_unfold(float *out, const float *image, vt_geometry g, size_t first, size_t count) {
  size_t run = g.kernel * g.channels;
  for (size_t cell = first; cell < first + count; cell++) {
    ptrdiff_t left = (ptrdiff_t)(cell % g.out_width * g.stride) - (ptrdiff_t)g.padding;
    int inside = left >= 0 && left + (ptrdiff_t)g.kernel <= (ptrdiff_t)g.width;
    for (size_t r = 0; r < g.kernel; r++, out += run) {
      ptrdiff_t y = place(cell / g.out_width, r, g.stride, g.padding, g.height);
      if (y >= 0 && inside) {
        // One row of the kernel is contiguous in the image.
        memcpy(out, image + (size_t)(y * (ptrdiff_t)g.width + left) * g.channels, run * sizeof(float));
        continue;
      }
      for (size_t s = 0; s < g.kernel; s++) {
        ptrdiff_t at = input_offset(g, cell, r * g.kernel + s);
        float *to = out + s * g.channels;
        if (at < 0) memset(to, 0, g.channels * sizeof(float));
        else memcpy(to, image + at, g.channels * sizeof(float));
      }
    }
  }
}

void vt_unfold_channels(float *out, const float *image, vt_geometry g, size_t first, size_t count) {
  size_t area = g.kernel * g.kernel;
  for (size_t cell = first; cell < first + count; cell++, out += area * g.channels)
    for (size_t k = 0; k < area; k++) {
      ptrdiff_t at = input_offset(g, cell, k);
      for (size_t c = 0; c < g.channels; c++) out[c * area + k] = at < 0 ? 0 : image[(size_t)at + c];
    }
}

void vt_fold_channels(float *image, const float *columns, vt_geometry g, size_t first,
                      size_t count) {
  size_t area = g.kernel * g.kernel;
  for (size_t cell = first; cell < first + count; cell++, columns += area * g.channels)
    for (size_t k = 0; k < area; k++) {
      ptrdiff_t at = input_offset(g, cell, k);
      if (at < 0) continue;
      for (size_t c = 0; c < g.channels; c++) image[(size_t)at + c] += columns[c * area + k];
    }
}
