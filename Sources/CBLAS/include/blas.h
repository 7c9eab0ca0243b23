// Matrix products: OpenBLAS, loaded when it is first needed, or Accelerate on macOS. One call serves both.
#ifndef VT_BLAS_H
#define VT_BLAS_H

/// Loads the library, once. Nonzero where there is one; without it products are plain loops: right, and slow.
int vt_blas_load(void);
/// Why there is none; empty where there is one.
const char *vt_blas_problem(void);
/// The library's name, version and options; "no BLAS" without one.
const char *vt_blas_name(void);
/// The processor whose kernels OpenBLAS chose when it was loaded; empty elsewhere.
const char *vt_blas_core(void);
/// How many threads a product takes; one, unless this is called. The toolkit splits work itself, in pieces that do not
/// depend on the thread count, so every product runs on the calling thread alone.
void vt_blas_use_threads(int count);

/// c[m,n] = alpha * op(a)[m,k] * op(b)[k,n] + beta * c, row-major, `ld*` in elements.
void vt_sgemm(int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
              const float *b, int ldb, float beta, float *c, int ldc);

#endif
