#include "vector.h"

static void adamw_scalar(float *p, float *m, float *v, const float *g, size_t count, float lr,
                         float decay, float beta1, float beta2, float eps, float correction1,
                         float correction2, float gradient_scale) {
  for (size_t i = 0; i < count; i++) {
    double grad = (double)g[i] * gradient_scale;
    double mi = (double)beta1 * m[i] + (1.0 - beta1) * grad;
    double vi = (double)beta2 * v[i] + (1.0 - beta2) * grad * grad;
    m[i] = (float)mi;
    v[i] = (float)vi;
    p[i] = (float)(p[i] * (1.0 - (double)lr * decay) -
                   (double)lr * (mi / correction1) / (sqrt(vi / correction2) + eps));
  }
}

VT_INLINE v8 sqrt8(v8 x) { return __builtin_elementwise_sqrt(x); }

VT_INLINE void adamw_body(float *p, float *m, float *v, const float *g, size_t count, float lr,
                          float decay, float beta1, float beta2, float eps, float correction1,
                          float correction2, float gradient_scale) {
  v8 keep = splat8(1.0f - lr * decay), b1 = splat8(beta1), b2 = splat8(beta2);
  v8 c1 = splat8((float)(1.0 - (double)beta1)), c2 = splat8((float)(1.0 - (double)beta2));
  v8 step = splat8(lr / correction1), root = splat8(1.0f / sqrtf(correction2));
  for (size_t i = 0; i < count; i += 8) {
    size_t n = count - i < 8 ? count - i : 8;
    int whole = n == 8;
    v8 grad = (whole ? load8(g + i) : load_part8(g + i, n)) * splat8(gradient_scale);
    v8 mi = b1 * (whole ? load8(m + i) : load_part8(m + i, n)) + c1 * grad;
    v8 vi = b2 * (whole ? load8(v + i) : load_part8(v + i, n)) + c2 * grad * grad;
    v8 pi = (whole ? load8(p + i) : load_part8(p + i, n)) * keep;
    pi -= step * mi / (sqrt8(vi) * root + splat8(eps));
    if (whole) { store8(m + i, mi); store8(v + i, vi); store8(p + i, pi); }
    else { store_part8(m + i, mi, n); store_part8(v + i, vi, n); store_part8(p + i, pi, n); }
  }
}

VT_DISPATCH(adamw,
            (float *p, float *m, float *v, const float *g, size_t count, float lr, float decay,
             float beta1, float beta2, float eps, float correction1, float correction2,
             float gradient_scale),
            (p, m, v, g, count, lr, decay, beta1, beta2, eps, correction1, correction2,
             gradient_scale))

void vt_lion(float *p, float *m, const float *g, size_t count, float lr, float decay, float beta1, float beta2,
             float gradient_scale) {
  float keep = 1.0f - lr * decay;
  for (size_t i = 0; i < count; i++) {
    float grad = g[i] * gradient_scale;
    float c = beta1 * m[i] + (1.0f - beta1) * grad;
    p[i] = p[i] * keep - lr * (float)((c > 0) - (c < 0));
    m[i] = beta2 * m[i] + (1.0f - beta2) * grad;
  }
}
