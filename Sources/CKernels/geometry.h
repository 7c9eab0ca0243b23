// Positions of the kernels of convolutions and poolings.
#ifndef VT_GEOMETRY_H
#define VT_GEOMETRY_H

#include "vector.h"

// The input row of kernel row `k` at output row `o`, or -1 in the padding; the same for columns.
VT_INLINE ptrdiff_t place(size_t o, size_t k, size_t stride, size_t padding, size_t length) {
  ptrdiff_t at = (ptrdiff_t)(o * stride + k) - (ptrdiff_t)padding;
  return at >= 0 && at < (ptrdiff_t)length ? at : -1;
}

// The offset in the image, in elements, of the kernel's cell `k` at output cell `cell`, or -1 in the padding.
VT_INLINE ptrdiff_t input_offset(vt_geometry g, size_t cell, size_t k) {
  ptrdiff_t y = place(cell / g.out_width, k / g.kernel, g.stride, g.padding, g.height);
  ptrdiff_t x = place(cell % g.out_width, k % g.kernel, g.stride, g.padding, g.width);
  return y < 0 || x < 0 ? -1 : (y * (ptrdiff_t)g.width + x) * (ptrdiff_t)g.channels;
}

#endif
