#include <string.h>

#include "ckernels.h"

void vt_unfold_patches(float *out, const float *image, size_t height, size_t width,
                       size_t channels, size_t patch) {
  size_t columns = width / patch, rows = height / patch, area = patch * patch;
  for (size_t gy = 0; gy < rows; gy++)
    for (size_t gx = 0; gx < columns; gx++) {
      float *o = out + (gy * columns + gx) * channels * area;
      for (size_t y = 0; y < patch; y++) {
        const float *in = image + ((gy * patch + y) * width + gx * patch) * channels;
        for (size_t x = 0; x < patch; x++)
          for (size_t c = 0; c < channels; c++) o[c * area + y * patch + x] = in[x * channels + c];
      }
    }
}

void vt_gather_pairs(float *out, const float *grid, const int32_t *a, const int32_t *b,
                     size_t pairs, size_t dim) {
  for (size_t p = 0; p < pairs; p++) {
    memcpy(out + p * 2 * dim, grid + (size_t)a[p] * dim, dim * sizeof(float));
    memcpy(out + p * 2 * dim + dim, grid + (size_t)b[p] * dim, dim * sizeof(float));
  }
}

void vt_scatter_pairs(float *dgrid, const float *dout, const int32_t *a, const int32_t *b,
                      size_t pairs, size_t dim) {
  for (size_t p = 0; p < pairs; p++) {
    float *ga = dgrid + (size_t)a[p] * dim, *gb = dgrid + (size_t)b[p] * dim;
    const float *d = dout + p * 2 * dim;
    for (size_t c = 0; c < dim; c++) ga[c] += d[c];
    for (size_t c = 0; c < dim; c++) gb[c] += d[dim + c];
  }
}
