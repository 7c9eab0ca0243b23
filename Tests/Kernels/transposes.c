// Kernels that are linear, against their gradients: <f(x), y> = <x, f'(y)> for every x and y. And the few kernels left,
// against what the mathematics says of them.
#include "check.h"

static double dot(const float *a, const float *b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)a[i] * b[i];
  return sum;
}

static float *zeros(size_t count) { return calloc(count, sizeof(float)); }

// f and its gradient `back` as statements over x [inputs], y [outputs] and the results fx, by.
#define TRANSPOSED(what, inputs, outputs, f, back)                                        \
  do {                                                                                    \
    float *x = numbers(inputs, 1), *y = numbers(outputs, 2);                              \
    float *fx = zeros(outputs), *by = zeros(inputs);                                      \
    f;                                                                                    \
    back;                                                                                 \
    double a = dot(fx, y, outputs), b = dot(x, by, inputs);                               \
    expect(what, fabs(a - b) <= 1e-5 * (1 + fabs(a)) && dot(fx, fx, outputs) > 0);        \
  } while (0)

static void images(void) {
  size_t channels[] = {1, 3, 8, 13};
  for (size_t s = 0; s < 4; s++) {
    size_t c = channels[s];
    vt_geometry g = {9, 7, c, 3, 2, 1, 5, 4};
    size_t in = 9 * 7 * c, cells = 5 * 4, columns = cells * 9 * c;
    TRANSPOSED("unfolding", in, columns, vt_unfold_channels(fx, x, g, 0, cells),
               vt_fold_channels(by, y, g, 0, cells));
    float *x = numbers(in, 1), *rows = zeros(columns), *turned = zeros(columns), *expected = zeros(columns);
    vt_unfold(rows, x, g, 0, 11);
    vt_unfold(rows + 11 * 9 * c, x, g, 11, cells - 11);
    vt_unfold_channels(turned, x, g, 0, cells);
    for (size_t cell = 0; cell < cells; cell++)
      for (size_t k = 0; k < 9; k++)
        for (size_t j = 0; j < c; j++) expected[(cell * c + j) * 9 + k] = rows[(cell * 9 + k) * c + j];
    compare("unfolding, channels last and first", turned, expected, columns, 0);
    TRANSPOSED("average pool", in, cells * c, vt_average_pool(fx, x, g), vt_average_pool_backward(by, y, g));
    uint8_t *which = malloc(cells * c);
    TRANSPOSED("max pool", in, cells * c, vt_max_pool(VT_ISA_SCALAR, fx, which, x, g, 0, 20),
               vt_max_pool_backward(by, y, which, g));
    TRANSPOSED("merged patches", in, 5 * 4 * 4 * c, vt_merge_patches(fx, x, 9, 7, c),
               vt_merge_patches_backward(by, y, 9, 7, c));
    TRANSPOSED("depthwise convolution by its weight", 9 * c, cells * c,
               vt_depthwise_forward(VT_ISA_PORTABLE, fx, numbers(in, 5), x, g, 0, 5),
               vt_depthwise_backward_weight(VT_ISA_PORTABLE, by, y, numbers(in, 5), g));
  }
}

// The weight's gradient by Winograd's tiles: of a sum that is linear in the weight.
static void winograd_weight(void) {
  enum { BATCH = 2, HEIGHT = 7, WIDTH = 9, C = 16, K = 24, TILES = BATCH * 4 * 5, CELLS = BATCH * HEIGHT * WIDTH };
  float *dy = numbers(CELLS * K, 1), *x = numbers(CELLS * C, 2);
  float *dweight = numbers(K * C * 9, 3), *expected = copy(dweight, K * C * 9);
  for (vt_isa isa = VT_ISA_PORTABLE; isa <= VT_ISA_AVX512; isa++) {
    if (!vt_isa_supported(isa)) continue;
    float *d = zeros(16 * TILES * K), *v = zeros(16 * TILES * C), *du = zeros(16 * K * C);
    vt_winograd_gradient(isa, d, TILES * K, dy, HEIGHT, WIDTH, K, 0, BATCH * 4);
    vt_winograd_input(isa, v, TILES * C, x, HEIGHT, WIDTH, C, 0, BATCH * 4);
    float *scratch = malloc(vt_weight_product_scratch(K) * sizeof(float));
    for (int f = 0; f < 16; f++) {
      vt_gemm_b right = {.data = v + f * TILES * C, .stride = C, .kernel_offsets = 1};
      vt_weight_product(isa, du + f * K * C, C, d + f * TILES * K, K, 0, right, TILES, K, C, 0, scratch);
    }
    float *result = copy(dweight, K * C * 9);
    vt_winograd_weight_gradient(isa, result, du, 1, K * C, C, 0, K, 1);
    for (int o = 0; o < K; o++)
      for (int c = 0; c < C; c++)
        for (int t = 0; t < 9; t++) {
          double sum = dweight[(o * C + c) * 9 + t];
          for (int cell = 0; cell < CELLS; cell++) {
            int i = cell / WIDTH % HEIGHT + t / 3 - 1, j = cell % WIDTH + t % 3 - 1;
            if (i < 0 || i >= HEIGHT || j < 0 || j >= WIDTH) continue;
            sum += (double)dy[cell * K + o] * x[(cell / (HEIGHT * WIDTH) * HEIGHT * WIDTH + i * WIDTH + j) * C + c];
          }
          expected[(o * C + c) * 9 + t] = (float)sum;
        }
    compare("Winograd's weight gradient", result, expected, K * C * 9, 4e-6);
  }
}

static void norms(void) {
  enum { ROWS = 5, COLS = 33 };
  float *x = numbers(ROWS * COLS, 1), *dy = numbers(ROWS * COLS, 2), *along = numbers(ROWS * COLS, 3);
  for (int outside = 0; outside < 2; outside++) {
    float *y = zeros(ROWS * COLS), *dx = zeros(ROWS * COLS), *forward = zeros(ROWS * COLS), *back = zeros(ROWS * COLS);
    vt_standardize_rows(y, x, 1e-3f, outside, ROWS, COLS);
    vt_standardize_rows_backward(dx, dy, x, 1e-3f, outside, ROWS, COLS, 0);
    float step = 1e-3f;
    float *ahead = zeros(ROWS * COLS), *behind = zeros(ROWS * COLS);
    for (int i = 0; i < ROWS * COLS; i++) {
      ahead[i] = x[i] + step * along[i];
      behind[i] = x[i] - step * along[i];
    }
    vt_standardize_rows(forward, ahead, 1e-3f, outside, ROWS, COLS);
    vt_standardize_rows(back, behind, 1e-3f, outside, ROWS, COLS);
    double slope = (dot(forward, dy, ROWS * COLS) - dot(back, dy, ROWS * COLS)) / (2 * step);
    double expected = dot(dx, along, ROWS * COLS);
    expect("standardized rows' gradient", fabs(slope - expected) <= 2e-3 * (1 + fabs(expected)));
  }

  // Moments of two pieces are those of the whole.
  float *pieces = zeros(4 * COLS), *whole = zeros(2 * COLS), *merged = zeros(2 * COLS);
  size_t counts[] = {2, 3};
  vt_column_moments(VT_ISA_SCALAR, pieces, pieces + COLS, x, 2, COLS);
  vt_column_moments(VT_ISA_SCALAR, pieces + 2 * COLS, pieces + 3 * COLS, x + 2 * COLS, 3, COLS);
  vt_merge_moments(merged, merged + COLS, pieces, counts, 2, COLS);
  vt_column_moments(VT_ISA_SCALAR, whole, whole + COLS, x, ROWS, COLS);
  for (int c = 0; c < COLS; c++) whole[COLS + c] /= ROWS;
  compare("merged moments", merged, whole, 2 * COLS, 1e-5);
  double totals[COLS];
  float sums[COLS], column_sums[COLS];
  vt_column_totals(totals, x, ROWS, COLS);
  for (int c = 0; c < COLS; c++) sums[c] = (float)totals[c];
  vt_column_sums(VT_ISA_SCALAR, column_sums, x, ROWS, COLS, COLS, 0);
  compare("column totals", sums, column_sums, COLS, 1e-6);
}

static void scores(void) {
  enum { ROWS = 5, COLS = 21, FEATURES = 19, DIM = 7 };
  size_t ld = vt_score_stride(COLS);
  float *x = numbers(ROWS * ld, 1), *bias = numbers(ROWS * ld, 2), *mask = numbers(ROWS * ld, 3);
  float *a = numbers(ROWS * COLS, 4), *b = numbers(ROWS * COLS, 5), *w = numbers(ROWS * DIM, 6);
  float *features = numbers(ROWS * FEATURES, 7);
  float *lse = numbers(ld, 8), *delta = numbers(ld, 9);
  float *expected[6] = {0};
  for (vt_isa isa = VT_ISA_SCALAR; isa <= VT_ISA_AVX512; isa++) {
    if (!vt_isa_supported(isa)) continue;
    float *p = copy(x, ROWS * ld), *q = zeros(ROWS), *dots = zeros(ROWS), *f = copy(features, ROWS * FEATURES);
    float *g = copy(f, ROWS * FEATURES), *sums = zeros(ROWS), *dp = copy(bias, ROWS * ld), *dbias = zeros(ROWS * ld);
    float *k = copy(x, ROWS * ld);
    vt_softmax_rows(isa, p, q, 0.3f, bias, mask, ROWS, COLS);
    for (int r = 0; r < ROWS; r++) memset(p + r * ld + COLS, 0, (ld - COLS) * sizeof(float));
    vt_row_dots(isa, dots, a, b, ROWS, COLS, COLS, COLS);
    vt_positive_features(isa, f, w, 0.2f, ROWS, FEATURES, DIM, DIM);
    vt_positive_features_backward(isa, g, sums, f, ROWS, FEATURES);
    vt_scores_backward(isa, k, dp, lse, delta, 0.3f, 0, mask, ld, dbias, ROWS, COLS);
    for (int r = 0; r < ROWS; r++) memset(dp + r * ld + COLS, 0, (ld - COLS) * sizeof(float));
    float *now[6] = {p, dots, f, g, sums, dp};
    size_t counts[6] = {ROWS * ld, ROWS, ROWS * FEATURES, ROWS * FEATURES, ROWS, ROWS * ld};
    const char *names[6] = {"softmax", "row dots", "features", "features' gradient", "features' sums", "scores' gradient"};
    for (int i = 0; i < 6; i++) {
      if (isa == VT_ISA_SCALAR) expected[i] = now[i];
      compare(names[i], now[i], expected[i], counts[i], 1e-5);
    }
  }

  // A row of the cross-entropy's gradient adds up to nothing, and the loss is no less than 0.
  int32_t labels[ROWS] = {0, 20, 3, 7, 7};
  float loss[ROWS], *dlogits = zeros(ROWS * COLS);
  vt_cross_entropy(loss, dlogits, a, labels, ROWS, COLS, 0.1f, 1);
  for (int r = 0; r < ROWS; r++) {
    double sum = 0;
    for (int c = 0; c < COLS; c++) sum += dlogits[r * COLS + c];
    expect("cross-entropy", fabs(sum) < 1e-6 && loss[r] > 0 && dlogits[r * COLS + labels[r]] < 0);
  }
}

static void elements(void) {
  enum { COUNT = 777 };
  float *x = numbers(COUNT, 1), *residual = numbers(COUNT, 2), *scales = numbers(7, 3);
  uint32_t key[2] = {3, 4};
  float *y = zeros(COUNT), *parts = zeros(COUNT);
  vt_dropout(y, x, 0, COUNT, 0.25f, key, 9, 0);
  vt_dropout(parts, x, 0, 300, 0.25f, key, 9, 0);
  vt_dropout(parts + 300, x + 300, 300, COUNT - 300, 0.25f, key, 9, 0);
  compare("dropout in parts", parts, y, COUNT, 0);
  int kept = 0, right = 1;
  for (int i = 0; i < COUNT; i++) {
    kept += y[i] != 0;
    right &= y[i] == 0 || fabsf(y[i] * 0.75f - x[i]) < 1e-6f;
  }
  expect("dropout", right && kept > COUNT / 2 && kept < COUNT);
  double squares = 0;
  for (int i = 0; i < COUNT; i++) squares += (double)x[i] * x[i];
  expect("sum of squares", fabs(vt_sum_of_squares(x, COUNT) - squares) < 1e-9 * squares);
  for (vt_isa isa = VT_ISA_SCALAR; isa <= VT_ISA_AVX512; isa++) {
    if (!vt_isa_supported(isa)) continue;
    float *sum = zeros(COUNT), *rows = copy(x, COUNT), *scaled = copy(x, COUNT), *expected = zeros(COUNT);
    vt_add_scaled(isa, sum, residual, x, 0.5f, COUNT);
    for (int i = 0; i < COUNT; i++) expected[i] = residual[i] + 0.5f * x[i];
    compare("scaled sum", sum, expected, COUNT, 1e-6);
    vt_add_rows(isa, rows, residual, scales, 7, 111, 111);
    for (int i = 0; i < COUNT; i++) expected[i] = residual[i] + scales[i / 111] * x[i];
    compare("sum by rows", rows, expected, COUNT, 1e-6);
    vt_scale(isa, scaled, 3, COUNT);
    for (int i = 0; i < COUNT; i++) expected[i] = 3 * x[i];
    compare("scaling", scaled, expected, COUNT, 0);
  }
}

void check_transposes(void) {
  images();
  winograd_weight();
  norms();
  scores();
  elements();
}
