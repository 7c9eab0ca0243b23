// Loads, stores and mathematics of vectors of LANES floats; included once a width.

#include "lanes_begin.h"

typedef float V __attribute__((ext_vector_type(LANES)));
typedef int32_t I __attribute__((ext_vector_type(LANES)));

VT_INLINE V L(load)(const float *p) { V v; memcpy(&v, p, sizeof v); return v; }
VT_INLINE void L(store)(float *p, V v) { memcpy(p, &v, sizeof v); }
VT_INLINE V S(float x) { return (V)(x); }

// The first `n` lanes; the others are zero, or left alone in memory.
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

// erf(x): x times a polynomial in x^2 below 1, 1 - exp(polynomial) above; both are Chebyshev
// fits (of erf(sqrt s)/sqrt s on [0, 1] and of log erfc on [0.95, 4.1]); absolute error below 2e-7.
VT_INLINE V L(erf)(V x) {
  V a = L(select)(x < S(0), -x, x);
  V t = L(select)(a > S(4.0f), S(4.0f), a);
  V s = x * x;
  V p = S(7.882497448008507e-05f);
  p = p * s + S(-0.0008018855005502701f);
  p = p * s + S(0.005189312156289816f);
  p = p * s + S(-0.02685432881116867f);
  p = p * s + S(0.11283597350120544f);
  p = p * s + S(-0.3761262595653534f);
  p = p * s + S(1.1283791065216064f);
  V small = p * x;
  V q = S(1.5771064454384032e-06f);
  q = q * t + S(-4.4881504436489195e-05f);
  q = q * t + S(0.0005869827582500875f);
  q = q * t + S(-0.004714049398899078f);
  q = q * t + S(0.026293111965060234f);
  q = q * t + S(-0.10985714942216873f);
  q = q * t + S(-0.6320604681968689f);
  q = q * t + S(-1.130097508430481f);
  q = q * t + S(0.0002868776791729033f);
  V large = S(1.0f) - L(exp)(q);
  large = L(select)(x < S(0), -large, large);
  return L(select)(a < S(1.0f), small, L(select)(x != x, x, large));
}

VT_INLINE V L(tanh)(V x) {
  V c = L(select)(x > S(20.0f), S(20.0f), x);
  c = L(select)(c < S(-20.0f), S(-20.0f), c);
  return S(1.0f) - S(2.0f) / (L(exp)(c * S(2.0f)) + S(1.0f));
}

#include "lanes_end.h"
