// Loads, stores and mathematics of vectors of LANES floats; included once per width.

#include "lanes_begin.h"

typedef float V __attribute__((ext_vector_type(LANES)));
typedef int32_t I __attribute__((ext_vector_type(LANES)));

VT_INLINE V L(load)(const float *p) { V v; memcpy(&v, p, sizeof v); return v; }
VT_INLINE void L(store)(float *p, V v) { memcpy(p, &v, sizeof v); }
VT_INLINE V S(float x) { return (V)(x); }

// The first `n` lanes; the others are zero, or left unchanged in memory.
VT_INLINE V L(load_part)(const float *p, size_t n) {
  V v = S(0);
  memcpy(&v, p, n * sizeof(float));
  return v;
}
VT_INLINE void L(store_part)(float *p, V v, size_t n) { memcpy(p, &v, n * sizeof(float)); }

// Masks have all bits of a lane set, or none.
VT_INLINE V L(select)(I mask, V yes, V no) { return mask ? yes : no; }

// exp(x): x = n ln 2 + r, a degree-6 Chebyshev fit of exp on |r| <= ln 2 / 2 (largest relative
// error 1.1e-7), the exponent added as an integer. Arguments are clamped to [-87.3, 88.3]; NaN stays NaN.
VT_INLINE V L(exp)(V x) {
  V c = L(select)(x > S(88.3f), S(88.3f), x);
  c = L(select)(c < S(-87.3f), S(-87.3f), c);
  const V magic = S(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
  V t = c * S(1.44269504f) + magic;
  V n = t - magic;
  V r = c - n * S(0.693145752f);
  r = r - n * S(1.42860677e-6f);
  V p = S(0.0013950996799394488f);
  p = p * r + S(0.00837682094424963f);
  p = p * r + S(0.041666179895401f);
  p = p * r + S(0.16666394472122192f);
  p = p * r + S(0.5f);
  p = p * r + S(1.0f);
  p = p * r + S(1.0f);
  I bits, shift;
  memcpy(&bits, &t, sizeof bits);
  shift = (bits - (I)(0x4B400000)) << 23;
  I pb;
  memcpy(&pb, &p, sizeof pb);
  pb += shift;
  V out;
  memcpy(&out, &pb, sizeof out);
  return L(select)(x != x, x, out);
}

// The normal distribution function at x, from e = exp(-x^2 / 2): the tail beyond |x| is e t P(t) with t = 1 / (1 + 0.3
// |x|), P a fit of degree 7 for |x| <= 14. With exp's error, the tail's relative error (so also for x < 0) is below
// 5e-6; the absolute error is below 1e-7.
VT_INLINE V L(normal)(V x, V e) {
  V a = L(select)(x < S(0), -x, x);
  V t = S(1.0f) / (S(1.0f) + S(0.3f) * a);
  V p = S(0.035674870014190674f);
  p = p * t + S(-0.15720348060131073f);
  p = p * t + S(0.20635414123535156f);
  p = p * t + S(-0.05368420109152794f);
  p = p * t + S(0.12856189906597137f);
  p = p * t + S(0.09991341829299927f);
  p = p * t + S(0.12075396627187729f);
  p = p * t + S(0.11962930113077164f);
  V tail = e * (t * p);
  return L(select)(x < S(0), tail, S(1.0f) - tail);
}

VT_INLINE V L(tanh)(V x) {
  V c = L(select)(x > S(20.0f), S(20.0f), x);
  c = L(select)(c < S(-20.0f), S(-20.0f), c);
  return S(1.0f) - S(2.0f) / (L(exp)(c * S(2.0f)) + S(1.0f));
}

#include "lanes_end.h"
