// Vectors of floats and the functions on them that the kernels share. A kernel's body is
// written once, on these, and compiled once for the processor's baseline (SSE2, NEON) and
// once for AVX2 with FMA; dispatch picks one at run time.
#ifndef VT_VECTOR_H
#define VT_VECTOR_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ckernels.h"

// A product that feeds a sum may be fused; nothing else may be reordered.
#pragma clang fp contract(fast)
#pragma clang diagnostic ignored "-Wpsabi"

#define VT_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define VT_HAS_AVX2 1
#define VT_AVX2 __attribute__((target("avx2,fma")))
#define VT_AVX512 __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")))
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
// The same with a separate body for vectors of sixteen, `<name>_body16`; the other is `<name>_body8`.
#define VT_DISPATCH_WIDE(name, params, args)                                   \
  static void name##_portable params { name##_body8 args; }                    \
  VT_AVX2 static void name##_avx2 params { name##_body8 args; }                \
  VT_AVX512 static void name##_avx512 params { name##_body16 args; }           \
  void vt_##name(vt_isa isa, VT_STRIP params) {                                \
    if (isa == VT_ISA_AVX512) name##_avx512 args;                              \
    else if (isa == VT_ISA_AVX2) name##_avx2 args;                             \
    else if (isa == VT_ISA_PORTABLE) name##_portable args;                     \
    else name##_scalar args;                                                   \
  }
#else
#define VT_DISPATCH_WIDE(name, params, args)                                   \
  static void name##_portable params { name##_body8 args; }                    \
  void vt_##name(vt_isa isa, VT_STRIP params) {                                \
    if (isa == VT_ISA_SCALAR) name##_scalar args;                              \
    else name##_portable args;                                                 \
  }
#define VT_DISPATCH(name, params, args)                                        \
  static void name##_portable params { name##_body args; }                     \
  void vt_##name(vt_isa isa, VT_STRIP params) {                                \
    if (isa == VT_ISA_SCALAR) name##_scalar args;                              \
    else name##_portable args;                                                 \
  }
#endif
#define VT_STRIP(...) __VA_ARGS__

#define LANES 8
#include "vector_math.h"
#define LANES 16
#include "vector_math.h"

// Adds the lanes in one fixed order.
VT_INLINE float sum8(v8 v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
VT_INLINE float max8(v8 v) {
  float m = v[0];
  for (int i = 1; i < 8; i++) m = v[i] > m ? v[i] : m;
  return m;
}
VT_INLINE v8 half8(v16 v, int upper) {
  return upper ? __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15)
               : __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
}
VT_INLINE float sum16(v16 v) { return sum8(half8(v, 0) + half8(v, 1)); }
VT_INLINE float max16(v16 v) {
  v8 low = half8(v, 0), high = half8(v, 1);
  return max8(select8(high > low, high, low));
}
#endif
