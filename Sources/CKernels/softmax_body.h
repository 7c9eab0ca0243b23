// The softmax of attention scores, forward and backward, on vectors of LANES floats. Rows are padded to complete
// vectors.
#include "lanes_begin.h"

VT_INLINE void L(softmax_rows_body)(float *x, float *lse, float scale, const float *bias,
                                 const float *mask, size_t rows, size_t cols) {
  size_t ld = vt_score_stride(cols), end = (cols + LANES - 1) / LANES * LANES;
  int32_t places[LANES];
  for (int i = 0; i < LANES; i++) places[i] = i;
  I lanes;
  memcpy(&lanes, places, sizeof lanes);
  // Lanes of the last vector that are part of the row.
  I inside = lanes < (I)((int32_t)(cols + LANES - end));
  for (size_t r = 0; r < rows; r++) {
    float *xr = x + r * ld;
    V most = S(-INFINITY), sum = S(0), k = S(scale);
    for (size_t c = 0; c < end; c += LANES) {
      V v = L(load)(xr + c) * k;
      if (bias) v += L(load)(bias + r * ld + c);
      if (mask) v += L(load)(mask + r * ld + c);
      if (c + LANES == end) v = L(select)(inside, v, S(-INFINITY));
      L(store)(xr + c, v);
      most = L(select)(v > most, v, most);
    }
    float m = L(max)(most);
    for (size_t c = 0; c < end; c += LANES) {
      V e = L(exp)(L(load)(xr + c) - S(m));
      if (c + LANES == end) e = L(select)(inside, e, S(0));
      L(store)(xr + c, e);
      sum += e;
    }
    float total = L(sum)(sum), inverse = 1.0f / total;
    for (size_t c = 0; c < end; c += LANES) L(store)(xr + c, L(load)(xr + c) * S(inverse));
    lse[r] = m + logf(total);
  }
}

VT_INLINE void L(scores_backward_body)(float *p, float *dp, const float *lse, const float *delta,
                                    float scale, const float *bias, const float *mask, size_t ldb,
                                    float *dbias, size_t rows, size_t cols) {
  size_t ld = vt_score_stride(cols);
  V k = S(scale);
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < cols; c += LANES) {
      size_t i = r * ld + c, j = r * ldb + c;
      V v = L(load)(p + i) * k;
      if (bias) v += L(load)(bias + j);
      if (mask) v += L(load)(mask + j);
      V e = L(exp)(v - L(load)(lse + c));
      V d = e * (L(load)(dp + i) - L(load)(delta + c));
      L(store)(p + i, e);
      L(store)(dp + i, d * k);
      if (dbias) L(store)(dbias + j, L(load)(dbias + j) + d);
    }
}

#include "lanes_end.h"
