// The vector kernels against their scalar references. Sizes are multiples of nothing.
#include "check.h"

#define LIST(...) {__VA_ARGS__}

// Runs `call` with each instruction set on copies of the outputs, and compares them with the scalar reference's.
#define PARITY(what, tolerance, outputs, sizes, call)                                        \
  do {                                                                                       \
    float *initial[] = outputs;                                                              \
    size_t lengths[] = sizes, number = sizeof lengths / sizeof *lengths;                     \
    float *result[VT_ISA_AVX512 + 1][8];                                                     \
    for (vt_isa isa = VT_ISA_SCALAR; isa <= VT_ISA_AVX512; isa++) {                          \
      if (!vt_isa_supported(isa)) continue;                                                  \
      float **o = result[isa];                                                               \
      for (size_t k = 0; k < number; k++) o[k] = copy(initial[k], lengths[k]);               \
      call;                                                                                  \
      for (size_t k = 0; isa != VT_ISA_SCALAR && k < number; k++)                            \
        compare(what, result[isa][k], result[VT_ISA_SCALAR][k], lengths[k], tolerance);      \
    }                                                                                        \
  } while (0)

static void products(void) {
  size_t sizes[][3] = {{1, 1, 1}, {97, 40, 33}, {200, 16, 330}, {13, 70, 700}};
  for (size_t s = 0; s < 4; s++) {
    size_t rows = sizes[s][0], cols = sizes[s][1], depth = sizes[s][2];
    float *a = numbers(rows * depth, 1), *b = numbers(cols * depth, 2), *bias = numbers(cols, 3);
    float *c = numbers(rows * cols, 4), *residual = numbers(rows * cols, 5);
    float *panels = malloc(vt_panels_size(depth, cols) * sizeof(float));
    vt_pack_panels(VT_ISA_PORTABLE, panels, b, depth, 1, depth, cols);
    vt_gemm_a left = {a, depth, depth, 1, 0, 0};
    vt_epilogue finish = {.kind = VT_ACTIVATION_GELU, .bias = bias, .residual = residual};
    PARITY("product", 1e-6, LIST(c), LIST(rows * cols),
           vt_product(isa, o[0], cols, left, panels, rows, cols, 1, finish));
    float *w = numbers(cols * depth, 6), *scale = numbers(rows, 7);
    float *scratch = malloc(vt_weight_product_scratch(cols) * sizeof(float));
    vt_gemm_b right = {.data = a, .stride = depth, .kernel_offsets = 1};
    PARITY("weight product", 2e-6, LIST(w), LIST(cols * depth),
           vt_weight_product(isa, o[0], depth, c, cols, scale, right, rows, cols, depth, 1, scratch));
  }
}

static void attention(void) {
  size_t sizes[][3] = {{49, 49, 32}, {265, 101, 5}, {7, 30, 8}};
  for (size_t s = 0; s < 3; s++) {
    size_t t = sizes[s][0], n = sizes[s][1], e = sizes[s][2];
    float *q = numbers(t * e, 1), *k = numbers(n * e, 2), *v = numbers(n * e, 3), *dout = numbers(t * e, 4);
    float *bias = numbers(t * vt_score_stride(n), 5), *turned = numbers(n * vt_score_stride(t), 6);
    float *out = numbers(t * e, 7), *lse = numbers(t, 8);
    float *scratch = malloc((vt_attention_forward_scratch(n, e) + vt_attention_backward_scratch(t, n, e)) *
                            sizeof(float));
    vt_head head = {t, n, e, 0.3f, q, k, v, e, e, e, bias, 0};
    PARITY("attention", 1e-5, LIST(out, lse), LIST(t * e, t),
           vt_attention_forward(isa, head, o[0], e, o[1], scratch));
    vt_attention_forward(VT_ISA_SCALAR, head, out, e, lse, scratch);
    head.bias = turned;
    float *dq = numbers(t * e, 9), *dk = numbers(n * e, 10), *dv = numbers(n * e, 11);
    PARITY("attention's gradients", 1e-5, LIST(dq, dk, dv), LIST(t * e, n * e, n * e),
           vt_attention_backward(isa, head, (vt_head_gradient){o[0], o[1], o[2], e, e, e, 1, 1, 1}, dout, out, e,
                                 lse, 0, scratch));
  }
}

static void rows(void) {
  size_t lengths[] = {1, 7, 8, 33, 200}, r = 5;
  for (size_t s = 0; s < 5; s++) {
    size_t n = lengths[s];
    float *x = numbers(r * n, 1), *dy = numbers(r * n, 2), *gamma = numbers(n, 3), *beta = numbers(n, 4);
    float *y = numbers(r * n, 5), *mean = numbers(r, 6), *rstd = numbers(r, 7);
    for (int kind = VT_ACTIVATION_NONE; kind <= VT_ACTIVATION_TANH; kind++) {
      float *scaled = numbers(r * n, 8);
      for (size_t i = 0; i < r * n; i++) scaled[i] *= 6;
      PARITY("activation", 1e-6, LIST(scaled, y), LIST(r * n, r * n),
             vt_bias_activation(isa, (vt_activation)kind, o[0], o[1], beta, r, n, n));
      PARITY("activation again", 2e-6, LIST(y, y), LIST(r * n, r * n),
             vt_activation_backward(isa, (vt_activation)kind, o[1], o[0], dy, scaled, r, n, n));
    }
    PARITY("layer norm", 2e-5, LIST(y, mean, rstd), LIST(r * n, r, r),
           vt_layer_norm_forward(isa, o[0], o[1], o[2], x, gamma, beta, r, n, 1e-3f, 0));
    PARITY("layer norm's gradients", 2e-5, LIST(y, gamma, beta), LIST(r * n, n, n),
           vt_layer_norm_backward(isa, o[0], o[1], o[2], dy, x, mean, rstd, gamma, r, n, 0, x));
    PARITY("column moments", 1e-5, LIST(gamma, beta), LIST(n, n), vt_column_moments(isa, o[0], o[1], x, r, n));
    vt_gate gate = {0, gamma, beta};
    PARITY("batch norm's sums", 1e-5, LIST(gamma, beta), LIST(n, n),
           vt_batch_norm_sums(isa, o[0], o[1], dy, gate, x, gamma, r, n));
    PARITY("batch norm's gradients", 1e-5, LIST(y, x), LIST(r * n, r * n),
           vt_batch_norm_input(isa, o[0], o[1], dy, gate, x, gamma, beta, gamma, beta, r, n, 1, 0));
    PARITY("channel affine", 1e-6, LIST(y), LIST(r * n),
           vt_channel_affine(isa, o[0], x, gamma, beta, dy, 1, r, n));
    PARITY("column sums", 1e-6, LIST(gamma), LIST(n), vt_column_sums(isa, o[0], x, r, n, n, 1));
    float *squares = numbers(n, 9);
    for (size_t i = 0; i < n; i++) squares[i] *= squares[i];
    PARITY("AdamW", 1e-5, LIST(x, y, squares), LIST(n, n, n),
           vt_adamw(isa, o[0], o[1], o[2], dy, n, 0.01f, 0.05f, 0.9f, 0.999f, 1e-8f, 0.1f, 0.001f, 0.5f));
  }
}

static void grids(void) {
  size_t channels[] = {1, 5, 8, 24};
  for (size_t s = 0; s < 4; s++) {
    size_t c = channels[s];
    vt_geometry g = {9, 7, c, 3, 2, 1, 5, 4};
    float *x = numbers(63 * c, 1), *w = numbers(9 * c, 2), *y = numbers(20 * c, 3);
    uint8_t which[20 * 24];
    PARITY("depthwise convolution", 1e-6, LIST(y), LIST(20 * c), vt_depthwise_forward(isa, o[0], x, w, g, 0, 5));
    PARITY("depthwise convolution's input", 1e-6, LIST(x), LIST(63 * c),
           vt_depthwise_backward_input(isa, o[0], y, w, g, 0));
    PARITY("depthwise convolution's weight", 1e-5, LIST(w), LIST(9 * c),
           vt_depthwise_backward_weight(isa, o[0], y, x, g));
    PARITY("max pool", 0, LIST(y), LIST(20 * c), vt_max_pool(isa, o[0], which, x, g, 0, 20));
  }
}

// Winograd's convolution of two images with odd sides, against the sums that the mathematics writes.
static void winograd(void) {
  enum { BATCH = 2, HEIGHT = 7, WIDTH = 9, C = 16, K = 24, TILES = BATCH * 4 * 5 };
  float *x = numbers(BATCH * HEIGHT * WIDTH * C, 1), *w = numbers(K * C * 9, 2), *bias = numbers(K, 3);
  size_t count = BATCH * HEIGHT * WIDTH * K, plane = vt_panels_size(C, K);
  float *y = calloc(count, sizeof(float)), *expected = calloc(count, sizeof(float));
  float *panels = calloc(16 * plane, sizeof(float)), *v = calloc(16 * TILES * C, sizeof(float));
  float *m = calloc(16 * TILES * K, sizeof(float));
  vt_winograd_weights(panels, w, C, K, 9, C * 9, 0, 0, K);
  vt_winograd_input(VT_ISA_PORTABLE, v, TILES * C, x, HEIGHT, WIDTH, C, 0, BATCH * 4);
  for (int f = 0; f < 16; f++) {
    vt_gemm_a left = {v + f * TILES * C, C, C, 1, 0, 0};
    vt_product(VT_ISA_PORTABLE, m + f * TILES * K, K, left, panels + f * plane, TILES, K, 0, (vt_epilogue){0});
  }
  vt_winograd_output(VT_ISA_PORTABLE, y, m, TILES * K, bias, HEIGHT, WIDTH, K, 0, BATCH * 4, 0);
  for (int cell = 0; cell < BATCH * HEIGHT * WIDTH; cell++)
    for (int o = 0; o < K; o++) {
      double sum = bias[o];
      for (int t = 0; t < 9; t++) {
        int i = cell / WIDTH % HEIGHT + t / 3 - 1, j = cell % WIDTH + t % 3 - 1;
        if (i < 0 || i >= HEIGHT || j < 0 || j >= WIDTH) continue;
        int from = (cell / (HEIGHT * WIDTH) * HEIGHT + i) * WIDTH + j;
        for (int c = 0; c < C; c++) sum += (double)x[from * C + c] * w[(o * C + c) * 9 + t];
      }
      expected[cell * K + o] = (float)sum;
    }
  compare("Winograd's convolution", y, expected, count, 2e-6);
}

void check_parity(void) {
  winograd();
  products();
  attention();
  rows();
  grids();
}
