// Matrix products: OpenBLAS, or Accelerate on macOS. One call serves both.
#ifndef VT_BLAS_SHIM_H
#define VT_BLAS_SHIM_H

#if defined(__APPLE__)
#define ACCELERATE_NEW_LAPACK
#include <Accelerate/Accelerate.h>
static inline void vt_blas_use_one_thread(void) {}
static inline const char *vt_blas_name(void) { return "Accelerate"; }
static inline const char *vt_blas_core(void) { return ""; }
static inline void vt_blas_use_threads(int count) { (void)count; }
static inline void vt_blas_stop_threads(void) {}
#else
#include <cblas.h>
// The toolkit splits work itself, in pieces that do not depend on the thread count, so
// every call into the BLAS runs on the calling thread alone.
static inline void vt_blas_use_one_thread(void) { openblas_set_num_threads(1); }
static inline void vt_blas_use_threads(int count) { openblas_set_num_threads(count); }
static inline const char *vt_blas_name(void) { return openblas_get_config(); }
/// The processor whose kernels OpenBLAS chose when it was loaded.
static inline const char *vt_blas_core(void) { return openblas_get_corename(); }
// OpenBLAS starts threads as soon as it is loaded, and each turns idly for a tenth of a second before it sleeps. This ends
// them, as OpenBLAS itself does before a fork; it starts them again when it needs them. Builds without threads lack it.
extern int blas_thread_shutdown_(void) __attribute__((weak));
static inline void vt_blas_stop_threads(void) {
  if (blas_thread_shutdown_) blas_thread_shutdown_();
}
#endif

/// c[m,n] = alpha * op(a)[m,k] * op(b)[k,n] + beta * c, row-major, `ld*` in elements.
static inline void vt_sgemm(int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                            const float *a, int lda, const float *b, int ldb, float beta, float *c,
                            int ldc) {
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
              transpose_b ? CblasTrans : CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c,
              ldc);
}
#endif
