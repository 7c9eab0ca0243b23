// Eight-float vectors and the functions on them that the kernels share. A kernel's body is
// written once, on these, and compiled once for the processor's baseline (SSE2, NEON) and
// once for AVX2 with FMA; dispatch picks one at run time.
#ifndef VT_VECTOR_H
#define VT_VECTOR_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ckernels.h"

// A product that feeds a sum may fuse; nothing else may be reordered.
#pragma clang fp contract(fast)
#pragma clang diagnostic ignored "-Wpsabi"

typedef float v8 __attribute__((ext_vector_type(8)));
typedef int32_t i8v __attribute__((ext_vector_type(8)));

#define VT_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define VT_HAS_AVX2 1
#define VT_AVX2 __attribute__((target("avx2,fma")))
#else
#define VT_HAS_AVX2 0
#endif

// Defines `vt_<name>(isa, ...)` over `<name>_scalar` (the reference) and `<name>_body`.
#if VT_HAS_AVX2
#define VT_DISPATCH(name, params, args)                                        \
  static void name##_portable params { name##_body args; }                     \
  VT_AVX2 static void name##_avx2 params { name##_body args; }                 \
  void vt_##name(vt_isa isa, VT_STRIP params) {                                \
    if (isa >= VT_ISA_AVX2) name##_avx2 args;                                  \
    else if (isa == VT_ISA_PORTABLE) name##_portable args;                     \
    else name##_scalar args;                                                   \
  }
#else
#define VT_DISPATCH(name, params, args)                                        \
  static void name##_portable params { name##_body args; }                     \
  void vt_##name(vt_isa isa, VT_STRIP params) {                                \
    if (isa == VT_ISA_SCALAR) name##_scalar args;                              \
    else name##_portable args;                                                 \
  }
#endif
#define VT_STRIP(...) __VA_ARGS__

VT_INLINE v8 load8(const float *p) { v8 v; memcpy(&v, p, sizeof v); return v; }
VT_INLINE void store8(float *p, v8 v) { memcpy(p, &v, sizeof v); }
VT_INLINE v8 splat8(float x) { return (v8)(x); }

// The first `n` of eight lanes; the others are zero, or left alone in memory.
VT_INLINE v8 load8_part(const float *p, size_t n) {
  v8 v = splat8(0);
  memcpy(&v, p, n * sizeof(float));
  return v;
}
VT_INLINE void store8_part(float *p, v8 v, size_t n) { memcpy(p, &v, n * sizeof(float)); }

// Adds the lanes in one fixed order.
VT_INLINE float sum8(v8 v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
VT_INLINE float max8(v8 v) {
  float m = v[0];
  for (int i = 1; i < 8; i++) m = v[i] > m ? v[i] : m;
  return m;
}
VT_INLINE v8 select8(i8v mask, v8 yes, v8 no) {
  i8v a, b;
  memcpy(&a, &yes, sizeof a);
  memcpy(&b, &no, sizeof b);
  i8v r = (mask & a) | (~mask & b);
  v8 out;
  memcpy(&out, &r, sizeof out);
  return out;
}

// exp(x): x = n ln 2 + r, a degree-6 Chebyshev fit of exp on |r| <= ln 2 / 2 (largest relative
// error 1.1e-7), the exponent added as an integer. Arguments are clamped to [-87.3, 88.3]; NaN stays NaN.
VT_INLINE v8 exp8(v8 x) {
  v8 c = select8(x > splat8(88.3f), splat8(88.3f), x);
  c = select8(c < splat8(-87.3f), splat8(-87.3f), c);
  const v8 magic = splat8(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
  v8 t = c * splat8(1.44269504f) + magic;
  v8 n = t - magic;
  v8 r = c - n * splat8(0.693145752f);
  r = r - n * splat8(1.42860677e-6f);
  v8 p = splat8(0.0013950996799394488f);
  p = p * r + splat8(0.00837682094424963f);
  p = p * r + splat8(0.041666179895401f);
  p = p * r + splat8(0.16666394472122192f);
  p = p * r + splat8(0.5f);
  p = p * r + splat8(1.0f);
  p = p * r + splat8(1.0f);
  i8v bits, shift;
  memcpy(&bits, &t, sizeof bits);
  shift = (bits - (i8v)(0x4B400000)) << 23;
  i8v pb;
  memcpy(&pb, &p, sizeof pb);
  pb += shift;
  v8 out;
  memcpy(&out, &pb, sizeof out);
  return select8(x != x, x, out);
}

// erf(x): x times a polynomial in x^2 below 1, 1 - exp(polynomial) above; both are Chebyshev
// fits (of erf(sqrt s)/sqrt s on [0, 1] and of log erfc on [0.95, 4.1]); absolute error below 2e-7.
VT_INLINE v8 erf8(v8 x) {
  v8 a = select8(x < splat8(0), -x, x);
  v8 t = select8(a > splat8(4.0f), splat8(4.0f), a);
  v8 s = x * x;
  v8 p = splat8(7.882497448008507e-05f);
  p = p * s + splat8(-0.0008018855005502701f);
  p = p * s + splat8(0.005189312156289816f);
  p = p * s + splat8(-0.02685432881116867f);
  p = p * s + splat8(0.11283597350120544f);
  p = p * s + splat8(-0.3761262595653534f);
  p = p * s + splat8(1.1283791065216064f);
  v8 small = p * x;
  v8 q = splat8(1.5771064454384032e-06f);
  q = q * t + splat8(-4.4881504436489195e-05f);
  q = q * t + splat8(0.0005869827582500875f);
  q = q * t + splat8(-0.004714049398899078f);
  q = q * t + splat8(0.026293111965060234f);
  q = q * t + splat8(-0.10985714942216873f);
  q = q * t + splat8(-0.6320604681968689f);
  q = q * t + splat8(-1.130097508430481f);
  q = q * t + splat8(0.0002868776791729033f);
  v8 large = splat8(1.0f) - exp8(q);
  large = select8(x < splat8(0), -large, large);
  return select8(a < splat8(1.0f), small, select8(x != x, x, large));
}

VT_INLINE v8 tanh8(v8 x) {
  v8 c = select8(x > splat8(20.0f), splat8(20.0f), x);
  c = select8(c < splat8(-20.0f), splat8(-20.0f), c);
  return splat8(1.0f) - splat8(2.0f) / (exp8(c * splat8(2.0f)) + splat8(1.0f));
}

#endif
