#include "geometry.h"

static void max_pool_scalar(float *y, uint8_t *which, const float *x, vt_geometry g, size_t first,
                            size_t count) {
  size_t channels = g.channels;
  for (size_t cell = first; cell < first + count; cell++, y += channels, which += channels) {
    int begun = 0;
    for (size_t k = 0; k < g.kernel * g.kernel; k++) {
      ptrdiff_t at = input_offset(g, cell, k);
      if (at < 0) continue;
      const float *p = x + at;
      for (size_t c = 0; c < channels; c++)
        if (!begun || p[c] > y[c] || p[c] != p[c]) {  // NaN wins and stays
          y[c] = p[c];
          which[c] = (uint8_t)k;
        }
      begun = 1;
    }
  }
}

VT_INLINE void max_pool_body(float *y, uint8_t *which, const float *x, vt_geometry g, size_t first,
                             size_t count) {
  typedef uint8_t bytes8 __attribute__((ext_vector_type(8)));
  size_t channels = g.channels, whole = channels / 8 * 8;
  if (whole < channels) {
    max_pool_scalar(y, which, x, g, first, count);
    return;
  }
  ptrdiff_t offsets[256];
  for (size_t cell = first; cell < first + count; cell++, y += channels, which += channels) {
    for (size_t k = 0; k < g.kernel * g.kernel; k++) offsets[k] = input_offset(g, cell, k);
    for (size_t c = 0; c < whole; c += 8) {
      v8 best = splat8(0);
      i32x8 place = {0}, open = (i32x8)(-1);  // lanes without a value yet
      for (size_t k = 0; k < g.kernel * g.kernel; k++) {
        if (offsets[k] < 0) continue;
        v8 v = load8(x + offsets[k] + c);
        i32x8 takes = (v > best) | (v != v) | open;
        best = select8(takes, v, best);
        place = (takes & (i32x8)((int32_t)k)) | (~takes & place);
        open = (i32x8)(0);
      }
      store8(y + c, best);
      bytes8 packed = __builtin_convertvector(place, bytes8);
      memcpy(which + c, &packed, sizeof packed);
    }
  }
}

VT_DISPATCH(max_pool,
            (float *y, uint8_t *which, const float *x, vt_geometry g, size_t first, size_t count),
            (y, which, x, g, first, count))

void vt_max_pool_backward(float *dx, const float *dy, const uint8_t *which, vt_geometry g) {
  size_t channels = g.channels;
  for (size_t oy = 0; oy < g.out_height; oy++)
    for (size_t ox = 0; ox < g.out_width; ox++, dy += channels, which += channels)
      for (size_t c = 0; c < channels; c++) {
        size_t iy = oy * g.stride + which[c] / g.kernel - g.padding;
        size_t ix = ox * g.stride + which[c] % g.kernel - g.padding;
        dx[(iy * g.width + ix) * channels + c] += dy[c];
      }
}

// Number of cells of a neighbourhood that are not padding.
VT_INLINE float cells_inside(vt_geometry g, size_t cell) {
  size_t n = 0;
  for (size_t k = 0; k < g.kernel * g.kernel; k++) n += input_offset(g, cell, k) >= 0;
  return (float)n;
}

void vt_average_pool(float *y, const float *x, vt_geometry g) {
  memset(y, 0, g.out_height * g.out_width * g.channels * sizeof(float));
  for (size_t cell = 0; cell < g.out_height * g.out_width; cell++, y += g.channels) {
    float n = cells_inside(g, cell);
    for (size_t k = 0; k < g.kernel * g.kernel; k++) {
      ptrdiff_t at = input_offset(g, cell, k);
      if (at < 0) continue;
      for (size_t c = 0; c < g.channels; c++) y[c] += x[(size_t)at + c] / n;
    }
  }
}

void vt_average_pool_backward(float *dx, const float *dy, vt_geometry g) {
  for (size_t cell = 0; cell < g.out_height * g.out_width; cell++, dy += g.channels) {
    float n = cells_inside(g, cell);
    for (size_t k = 0; k < g.kernel * g.kernel; k++) {
      ptrdiff_t at = input_offset(g, cell, k);
      if (at < 0) continue;
      for (size_t c = 0; c < g.channels; c++) dx[(size_t)at + c] += dy[c] / n;
    }
  }
}

// Order of the four neighbours: down first, then right.
static const size_t merge_row[4] = {0, 1, 0, 1}, merge_column[4] = {0, 0, 1, 1};

void vt_merge_patches(float *out, const float *image, size_t height, size_t width, size_t channels) {
  for (size_t y = 0; y < height; y += 2)
    for (size_t x = 0; x < width; x += 2)
      for (int k = 0; k < 4; k++, out += channels) {
        size_t iy = y + merge_row[k], ix = x + merge_column[k];
        if (iy < height && ix < width)
          memcpy(out, image + (iy * width + ix) * channels, channels * sizeof(float));
        else memset(out, 0, channels * sizeof(float));
      }
}

void vt_merge_patches_backward(float *image, const float *merged, size_t height, size_t width,
                               size_t channels) {
  for (size_t y = 0; y < height; y += 2)
    for (size_t x = 0; x < width; x += 2)
      for (int k = 0; k < 4; k++, merged += channels) {
        size_t iy = y + merge_row[k], ix = x + merge_column[k];
        if (iy >= height || ix >= width) continue;
        float *p = image + (iy * width + ix) * channels;
        for (size_t c = 0; c < channels; c++) p[c] += merged[c];
      }
}
