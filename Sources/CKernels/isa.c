#include "ckernels.h"

int vt_isa_supported(vt_isa isa) {
  if (isa != VT_ISA_AVX2) return 1;
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 0;
#endif
}

vt_isa vt_isa_best(void) {
  return vt_isa_supported(VT_ISA_AVX2) ? VT_ISA_AVX2 : VT_ISA_PORTABLE;
}
