#include "geometry.h"

void vt_unfold(float *out, const float *image, vt_geometry g, size_t first, size_t count) {
  size_t run = g.kernel * g.channels;
  for (size_t cell = first; cell < first + count; cell++) {
    ptrdiff_t left = (ptrdiff_t)(cell % g.out_width * g.stride) - (ptrdiff_t)g.padding;
    int inside = left >= 0 && left + (ptrdiff_t)g.kernel <= (ptrdiff_t)g.width;
    for (size_t r = 0; r < g.kernel; r++, out += run) {
      ptrdiff_t y = place(cell / g.out_width, r, g.stride, g.padding, g.height);
      if (y >= 0 && inside) {
        // A row of the kernel is a run of the image.
        memcpy(out, image + (size_t)(y * (ptrdiff_t)g.width + left) * g.channels, run * sizeof(float));
        continue;
      }
      for (size_t s = 0; s < g.kernel; s++) {
        ptrdiff_t at = tap(g, cell, r * g.kernel + s);
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
      ptrdiff_t at = tap(g, cell, k);
      for (size_t c = 0; c < g.channels; c++) out[c * area + k] = at < 0 ? 0 : image[(size_t)at + c];
    }
}

void vt_fold_channels(float *image, const float *columns, vt_geometry g, size_t first,
                      size_t count) {
  size_t area = g.kernel * g.kernel;
  for (size_t cell = first; cell < first + count; cell++, columns += area * g.channels)
    for (size_t k = 0; k < area; k++) {
      ptrdiff_t at = tap(g, cell, k);
      if (at < 0) continue;
      for (size_t c = 0; c < g.channels; c++) image[(size_t)at + c] += columns[c * area + k];
    }
}

// Depthwise convolutions: the reference sums in double, the others run along the channels.

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

VT_INLINE void depthwise_forward_body(float *y, const float *x, const float *weight, vt_geometry g,
                                      size_t first, size_t count) {
  size_t channels = g.channels, whole = channels / 8 * 8, rest = channels - whole;
  for (size_t oy = first; oy < first + count; oy++)
    for (size_t ox = 0; ox < g.out_width; ox++, y += channels)
      for (size_t c = 0; c < channels; c += 8) {
        v8 sum = splat8(0);
        for (size_t r = 0; r < g.kernel; r++) {
          ptrdiff_t iy = place(oy, r, g.stride, g.padding, g.height);
          if (iy < 0) continue;
          for (size_t s = 0; s < g.kernel; s++) {
            ptrdiff_t ix = place(ox, s, g.stride, g.padding, g.width);
            if (ix < 0) continue;
            const float *xp = x + ((size_t)iy * g.width + (size_t)ix) * channels + c;
            const float *wp = weight + (r * g.kernel + s) * channels + c;
            if (c < whole) sum += load8(xp) * load8(wp);
            else sum += load_part8(xp, rest) * load_part8(wp, rest);
          }
        }
        if (c < whole) store8(y + c, sum);
        else store_part8(y + c, sum, rest);
      }
}

VT_DISPATCH(depthwise_forward,
            (float *y, const float *x, const float *weight, vt_geometry g, size_t first,
             size_t count),
            (y, x, weight, g, first, count))

static void depthwise_backward_input_scalar(float *dx, const float *dy, const float *weight,
                                            vt_geometry g) {
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

VT_INLINE void depthwise_backward_input_body(float *dx, const float *dy, const float *weight,
                                             vt_geometry g) {
  size_t channels = g.channels, whole = channels / 8 * 8;
  for (size_t oy = 0; oy < g.out_height; oy++)
    for (size_t ox = 0; ox < g.out_width; ox++, dy += channels)
      for (size_t r = 0; r < g.kernel; r++) {
        ptrdiff_t iy = place(oy, r, g.stride, g.padding, g.height);
        if (iy < 0) continue;
        for (size_t s = 0; s < g.kernel; s++) {
          ptrdiff_t ix = place(ox, s, g.stride, g.padding, g.width);
          if (ix < 0) continue;
          float *xp = dx + ((size_t)iy * g.width + (size_t)ix) * channels;
          const float *wp = weight + (r * g.kernel + s) * channels;
          for (size_t c = 0; c < whole; c += 8)
            store8(xp + c, load8(xp + c) + load8(dy + c) * load8(wp + c));
          for (size_t c = whole; c < channels; c++) xp[c] += dy[c] * wp[c];
        }
      }
}

VT_DISPATCH(depthwise_backward_input,
            (float *dx, const float *dy, const float *weight, vt_geometry g), (dx, dy, weight, g))

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

VT_INLINE void depthwise_backward_weight_body(float *dweight, const float *dy, const float *x,
                                              vt_geometry g) {
  size_t channels = g.channels, whole = channels / 8 * 8, rest = channels - whole;
  for (size_t r = 0; r < g.kernel; r++)
    for (size_t s = 0; s < g.kernel; s++) {
      float *wp = dweight + (r * g.kernel + s) * channels;
      for (size_t c = 0; c < channels; c += 8) {
        v8 sum = splat8(0);
        for (size_t oy = 0; oy < g.out_height; oy++) {
          ptrdiff_t iy = place(oy, r, g.stride, g.padding, g.height);
          if (iy < 0) continue;
          for (size_t ox = 0; ox < g.out_width; ox++) {
            ptrdiff_t ix = place(ox, s, g.stride, g.padding, g.width);
            if (ix < 0) continue;
            const float *dp = dy + (oy * g.out_width + ox) * channels + c;
            const float *xp = x + ((size_t)iy * g.width + (size_t)ix) * channels + c;
            if (c < whole) sum += load8(dp) * load8(xp);
            else sum += load_part8(dp, rest) * load_part8(xp, rest);
          }
        }
        if (c < whole) store8(wp + c, load8(wp + c) + sum);
        else store_part8(wp + c, load_part8(wp + c, rest) + sum, rest);
      }
    }
}

VT_DISPATCH(depthwise_backward_weight,
            (float *dweight, const float *dy, const float *x, vt_geometry g), (dweight, dy, x, g))
