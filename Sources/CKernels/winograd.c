// Convolutions of 3 by 3 with stride 1 by Winograd's minimal filtering F(2x2, 3x3): a tile of four outputs takes
// sixteen products per channel rather than thirty-six (Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", CVPR 2016). The products are those of planes, one for each of the sixteen elements of a transformed tile.
#include "tile.h"

enum { PLANES = 16 };

// G g Gᵀ of sixteen kernels beside each other: g[offset][lane] to u[plane][lane].
VT_INLINE void transform_kernels(float u[PLANES][TILE_COLS], float g[9][TILE_COLS]) {
  float half[4][3][TILE_COLS];
  for (int j = 0; j < 3; j++)
    for (int l = 0; l < TILE_COLS; l++) {
      float a = g[j][l], b = g[3 + j][l], c = g[6 + j][l];
      half[0][j][l] = a;
      half[1][j][l] = 0.5f * (a + b + c);
      half[2][j][l] = 0.5f * (a - b + c);
      half[3][j][l] = c;
    }
  for (int i = 0; i < 4; i++)
    for (int l = 0; l < TILE_COLS; l++) {
      float a = half[i][0][l], b = half[i][1][l], c = half[i][2][l];
      u[4 * i][l] = a;
      u[4 * i + 1][l] = 0.5f * (a + b + c);
      u[4 * i + 2][l] = 0.5f * (a - b + c);
      u[4 * i + 3][l] = c;
    }
}

void vt_winograd_weights(float *panels, const float *weight, size_t depth, size_t cols, size_t depth_step,
                         size_t col_step, int turned, size_t first, size_t count) {
  size_t plane = vt_panels_size(depth, cols);
  for (size_t j = first; j < first + count; j += TILE_COLS) {
    size_t n = cols - j < TILE_COLS ? cols - j : TILE_COLS;
    for (size_t p = 0; p < depth; p++) {
      float g[9][TILE_COLS] = {{0}}, u[PLANES][TILE_COLS];
      const float *from = weight + p * depth_step + j * col_step;
      for (size_t l = 0; l < n; l++)
        for (int t = 0; t < 9; t++) g[t][l] = from[l * col_step + (size_t)(turned ? 8 - t : t)];
      transform_kernels(u, g);
      float *to = panels + j * depth + p * TILE_COLS;
      for (int f = 0; f < PLANES; f++) memcpy(to + (size_t)f * plane, u[f], sizeof u[f]);
    }
  }
}

typedef struct {
  size_t image, top, left;  // the tile's first output cell
} tile_place;

VT_INLINE tile_place place_of(size_t row, size_t column, size_t height) {
  size_t per_image = (height + 1) / 2;
  return (tile_place){row / per_image, row % per_image * 2, column * 2};
}

// Bᵀ d B of one tile's cells for every row of tiles; cells outside of the image are zero.
VT_INLINE void winograd_input_body(float *v, size_t plane, const float *x, size_t height, size_t width,
                                   size_t channels, size_t first, size_t rows) {
  static const float zeros[8];
  size_t across = (width + 1) / 2;
  for (size_t r = first; r < first + rows; r++)
    for (size_t q = 0; q < across; q++, v += channels) {
      tile_place at = place_of(r, q, height);
      const float *cells[PLANES];
      size_t steps[PLANES];
      for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++) {
          size_t cy = at.top + i, cx = at.left + j;  // one further than the image's own
          int inside = cy >= 1 && cy <= height && cx >= 1 && cx <= width;
          cells[4 * i + j] =
              inside ? x + ((at.image * height + cy - 1) * width + cx - 1) * channels : zeros;
          steps[4 * i + j] = inside ? 1 : 0;
        }
      for (size_t c = 0; c < channels; c += 8) {
        v8 half[4][4];
        for (int j = 0; j < 4; j++) {
          v8 a = load8(cells[j] + c * steps[j]), b = load8(cells[4 + j] + c * steps[4 + j]);
          v8 d = load8(cells[8 + j] + c * steps[8 + j]), e = load8(cells[12 + j] + c * steps[12 + j]);
          half[0][j] = a - d;
          half[1][j] = b + d;
          half[2][j] = d - b;
          half[3][j] = b - e;
        }
        for (int i = 0; i < 4; i++) {
          float *to = v + (size_t)(4 * i) * plane + c;
          store8(to, half[i][0] - half[i][2]);
          store8(to + plane, half[i][1] + half[i][2]);
          store8(to + 2 * plane, half[i][2] - half[i][1]);
          store8(to + 3 * plane, half[i][1] - half[i][3]);
        }
      }
    }
}

// Aᵀ m A: the four outputs of each tile, as far as they are within the image.
VT_INLINE void winograd_output_body(float *y, const float *m, size_t plane, const float *bias,
                                    size_t height, size_t width, size_t channels, size_t first,
                                    size_t rows, int add) {
  size_t across = (width + 1) / 2;
  for (size_t r = first; r < first + rows; r++)
    for (size_t q = 0; q < across; q++, m += channels) {
      tile_place at = place_of(r, q, height);
      float *to = y + ((at.image * height + at.top) * width + at.left) * channels;
      int below = at.top + 1 < height, beside = at.left + 1 < width;
      for (size_t c = 0; c < channels; c += 8) {
        v8 half[2][4], offset = bias ? load8(bias + c) : splat8(0);
        for (size_t j = 0; j < 4; j++) {
          v8 a = load8(m + j * plane + c), b = load8(m + (4 + j) * plane + c);
          v8 d = load8(m + (8 + j) * plane + c), e = load8(m + (12 + j) * plane + c);
          half[0][j] = a + b + d;
          half[1][j] = b - d - e;
        }
        for (size_t i = 0; i < 2; i++) {
          if (i && !below) break;
          float *cell = to + i * width * channels + c;
          v8 low = half[i][0] + half[i][1] + half[i][2] + offset;
          v8 high = half[i][1] - half[i][2] - half[i][3] + offset;
          store8(cell, add ? load8(cell) + low : low);
          if (beside) store8(cell + channels, add ? load8(cell + channels) + high : high);
        }
      }
    }
}

// A dY Aᵀ: the gradient of the transformed tiles' products from the output's, zero beyond the image.
VT_INLINE void winograd_gradient_body(float *d, size_t plane, const float *dy, size_t height, size_t width,
                                      size_t channels, size_t first, size_t rows) {
  size_t across = (width + 1) / 2;
  for (size_t r = first; r < first + rows; r++)
    for (size_t q = 0; q < across; q++, d += channels) {
      tile_place at = place_of(r, q, height);
      const float *from = dy + ((at.image * height + at.top) * width + at.left) * channels;
      int below = at.top + 1 < height, beside = at.left + 1 < width;
      for (size_t c = 0; c < channels; c += 8) {
        const float *low = from + c, *high = low + width * channels;
        v8 half[4][2];
        for (size_t j = 0; j < 2; j++) {
          v8 a = j && !beside ? splat8(0) : load8(low + j * channels);
          v8 b = !below || (j && !beside) ? splat8(0) : load8(high + j * channels);
          half[0][j] = a;
          half[1][j] = a + b;
          half[2][j] = a - b;
          half[3][j] = -b;
        }
        for (size_t i = 0; i < 4; i++) {
          float *to = d + 4 * i * plane + c;
          store8(to, half[i][0]);
          store8(to + plane, half[i][0] + half[i][1]);
          store8(to + 2 * plane, half[i][0] - half[i][1]);
          store8(to + 3 * plane, -half[i][1]);
        }
      }
    }
}

// Gᵀ du G, the groups' sums added in order.
VT_INLINE void winograd_weight_gradient_body(float *dweight, const float *du, size_t groups, size_t plane,
                                             size_t inputs, size_t first, size_t rows, int add) {
  for (size_t o = first; o < first + rows; o++)
    for (size_t c = 0; c < inputs; c += 8) {
      v8 u[PLANES], half[3][4], g[9];
      for (size_t f = 0; f < PLANES; f++) {
        u[f] = splat8(0);
        for (size_t k = 0; k < groups; k++) u[f] += load8(du + (k * PLANES + f) * plane + o * inputs + c);
      }
      for (int j = 0; j < 4; j++) {
        v8 sum = (u[4 + j] + u[8 + j]) * splat8(0.5f);
        half[0][j] = u[j] + sum;
        half[1][j] = (u[4 + j] - u[8 + j]) * splat8(0.5f);
        half[2][j] = u[12 + j] + sum;
      }
      for (int i = 0; i < 3; i++) {
        v8 sum = (half[i][1] + half[i][2]) * splat8(0.5f);
        g[3 * i] = half[i][0] + sum;
        g[3 * i + 1] = (half[i][1] - half[i][2]) * splat8(0.5f);
        g[3 * i + 2] = half[i][3] + sum;
      }
      float *to = dweight + (o * inputs + c) * 9;
      for (int l = 0; l < 8; l++)
        for (int t = 0; t < 9; t++) to[l * 9 + t] = add ? to[l * 9 + t] + g[t][l] : g[t][l];
    }
}

// The scalar reference convolves without Winograd; these are for callers that ask for it all the same.
#define winograd_input_scalar winograd_input_body
#define winograd_output_scalar winograd_output_body
#define winograd_gradient_scalar winograd_gradient_body
#define winograd_weight_gradient_scalar winograd_weight_gradient_body

VT_DISPATCH(winograd_input,
            (float *v, size_t plane, const float *x, size_t height, size_t width, size_t channels,
             size_t first, size_t rows),
            (v, plane, x, height, width, channels, first, rows))
VT_DISPATCH(winograd_output,
            (float *y, const float *m, size_t plane, const float *bias, size_t height, size_t width,
             size_t channels, size_t first, size_t rows, int add),
            (y, m, plane, bias, height, width, channels, first, rows, add))
VT_DISPATCH(winograd_gradient,
            (float *d, size_t plane, const float *dy, size_t height, size_t width, size_t channels,
             size_t first, size_t rows),
            (d, plane, dy, height, width, channels, first, rows))
VT_DISPATCH(winograd_weight_gradient,
            (float *dweight, const float *du, size_t groups, size_t plane, size_t inputs, size_t first,
             size_t rows, int add),
            (dweight, du, groups, plane, inputs, first, rows, add))
