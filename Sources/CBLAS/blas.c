#include "blas.h"

#include <stddef.h>

// C's product where no library is there.
static void plain_loops(int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
                        const float *b, int ldb, float beta, float *c, int ldc) {
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      double sum = 0;
      for (int p = 0; p < k; p++) {
        size_t at = transpose_a ? (size_t)p * lda + i : (size_t)i * lda + p;
        size_t bt = transpose_b ? (size_t)j * ldb + p : (size_t)p * ldb + j;
        sum += (double)a[at] * b[bt];
      }
      float *out = c + (size_t)i * ldc + j;
      *out = (float)(alpha * sum + (beta == 0 ? 0 : (double)beta * *out));
    }
}

#if defined(__APPLE__)
#define ACCELERATE_NEW_LAPACK
#include <Accelerate/Accelerate.h>

int vt_blas_load(void) { return 1; }
const char *vt_blas_problem(void) { return ""; }
const char *vt_blas_name(void) { return "Accelerate"; }
const char *vt_blas_core(void) { return ""; }
void vt_blas_use_threads(int count) { (void)count; }

void vt_sgemm(int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
              const float *b, int ldb, float beta, float *c, int ldc) {
  (void)plain_loops;
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, m, n, k,
              alpha, a, lda, b, ldb, beta, c, ldc);
}

#else
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// cblas.h's numbers for orders and transpositions.
enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };

static struct {
  void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
  void (*set_num_threads)(int);
  char *(*get_config)(void);
  char *(*get_corename)(void);
} blas;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *problem = "";

// OpenBLAS takes a buffer for each processor's product and asks for ever where it gets none.
static int has_room(void) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  size_t size = (size_t)(processors > 0 ? processors : 1) << 28;
  void *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return 0;
  munmap(room, size);
  return 1;
}

static void load(void) {
  if (!has_room()) {
    problem = "there is too little memory for it";
    return;
  }
  // OpenBLAS starts threads as soon as it is loaded. They turn idly for a tenth of a second; where memory is short they
  // never end, and where threads are, the process is interrupted. One thread means none besides the caller's.
  const char *variable = "OPENBLAS_NUM_THREADS", *given = getenv(variable);
  char *kept = given ? strdup(given) : NULL;
  setenv(variable, "1", 1);
  const char *names[] = {"libopenblas.so.0", "libopenblas.so"};
  void *library = NULL;
  for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (kept) {
    setenv(variable, kept, 1);
    free(kept);
  } else {
    unsetenv(variable);
  }
  if (!library) {
    const char *reason = dlerror();
    problem = reason ? strdup(reason) : "it is not installed";
    return;
  }
  *(void **)&blas.set_num_threads = dlsym(library, "openblas_set_num_threads");
  *(void **)&blas.get_config = dlsym(library, "openblas_get_config");
  *(void **)&blas.get_corename = dlsym(library, "openblas_get_corename");
  // Last: it says that the library is there.
  if (blas.set_num_threads && blas.get_config && blas.get_corename) *(void **)&blas.sgemm = dlsym(library, "cblas_sgemm");
  if (!blas.sgemm) problem = "it lacks functions";
}

int vt_blas_load(void) {
  pthread_once(&once, load);
  return blas.sgemm != NULL;
}

const char *vt_blas_problem(void) { return vt_blas_load() ? "" : problem; }
const char *vt_blas_name(void) { return vt_blas_load() ? blas.get_config() : "no BLAS"; }
const char *vt_blas_core(void) { return vt_blas_load() ? blas.get_corename() : ""; }
void vt_blas_use_threads(int count) {
  if (vt_blas_load()) blas.set_num_threads(count);
}

void vt_sgemm(int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
              const float *b, int ldb, float beta, float *c, int ldc) {
  if (!vt_blas_load()) {
    plain_loops(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    return;
  }
  blas.sgemm(ROW_MAJOR, transpose_a ? TRANSPOSE : NO_TRANSPOSE, transpose_b ? TRANSPOSE : NO_TRANSPOSE, m, n, k, alpha, a,
             lda, b, ldb, beta, c, ldc);
}
#endif
