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
