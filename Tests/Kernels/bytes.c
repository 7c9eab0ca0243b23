// What moves and converts bytes, against the plainest way to do it.
#include "check.h"

static uint8_t *bytes(size_t count) {
  uint8_t *x = malloc(count);
  for (size_t i = 0; i < count; i++) x[i] = (uint8_t)(i * 131 + i / 251);
  return x;
}

// The three axes of [3, 5, 7] in each order, whole and from one row on.
static void permutations(size_t width) {
  const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  const size_t shape[3] = {3, 5, 7}, strides[3] = {35, 7, 1};
  uint8_t *in = bytes(105 * width);
  for (int o = 0; o < 6; o++) {
    const int *order = orders[o];
    size_t rows = shape[order[0]], row = 105 / rows * width;
    uint8_t *out = malloc(105 * width), *expected = malloc(105 * width), *part = malloc((rows - 1) * row), *to = expected;
    for (size_t i = 0; i < shape[order[0]]; i++)
      for (size_t j = 0; j < shape[order[1]]; j++)
        for (size_t k = 0; k < shape[order[2]]; k++, to += width)
          memcpy(to, in + (i * strides[order[0]] + j * strides[order[1]] + k * strides[order[2]]) * width, width);
    vt_permute_bytes(out, in, shape, order, 3, width, 0, rows);
    vt_permute_bytes(part, in, shape, order, 3, width, 1, rows);
    expect("permuted axes", memcmp(out, expected, 105 * width) == 0);
    expect("permuted axes from row 1 on", memcmp(part, expected + row, (rows - 1) * row) == 0);
  }
}

static void widths(size_t width) {
  enum { COUNT = 77 };
  uint8_t *in = bytes(COUNT * width), *out = malloc(COUNT * width), *planes = malloc(COUNT * width);
  vt_swap_bytes(out, in, COUNT, width);
  int right = 1;
  for (size_t i = 0; i < COUNT; i++)
    for (size_t b = 0; b < width; b++) {
      right &= out[i * width + b] == in[i * width + width - 1 - b];
      planes[b * COUNT + i] = in[i * width + b];
    }
  expect("swapped bytes", right);
  vt_unshuffle(out, planes, COUNT, width);
  expect("shuffle undone", memcmp(out, in, COUNT * width) == 0);
}

// Every number of 16 bits survives the way to 32 bits and back; what lies halfway is rounded to the even one.
static void halves(void) {
  enum { COUNT = 1 << 16 };
  uint16_t *all = malloc(COUNT * 2), *back = malloc(COUNT * 2);
  float *wide = malloc(COUNT * sizeof(float));
  for (int i = 0; i < COUNT; i++) all[i] = (uint16_t)i;
  for (int bf16 = 0; bf16 < 2; bf16++) {
    (bf16 ? vt_f32_from_bf16 : vt_f32_from_f16)(wide, all, COUNT);
    (bf16 ? vt_bf16_from_f32 : vt_f16_from_f32)(back, wide, COUNT);
    int right = 1, exponent = bf16 ? 0x7f80 : 0x7c00;
    for (int i = 0; i < COUNT; i++) {
      int is_nan = (i & exponent) == exponent && (i & (0x7fff ^ exponent)) != 0;
      right &= is_nan ? isnan(wide[i]) && (back[i] & exponent) == exponent : back[i] == all[i];
    }
    expect(bf16 ? "bfloat16 and back" : "float16 and back", right);
    size_t strange = vt_count_not_finite(all, COUNT, 2, (uint64_t)exponent);
    expect("numbers that are not finite", strange == (bf16 ? 2u * 128 : 2u * 1024));
  }
  float halfway[3] = {2049, 2051, 65520};
  uint16_t rounded[3];
  vt_f16_from_f32(rounded, halfway, 3);
  expect("ties to even", rounded[0] == 0x6800 && rounded[1] == 0x6802 && rounded[2] == 0x7c00);
}

static void pixels(void) {
  enum { COUNT = 37 };
  uint8_t *rgb = bytes(3 * COUNT);
  float mean[3] = {0.1f, 0.2f, 0.3f}, std[3] = {0.5f, 0.25f, 0.125f}, *out = numbers(3 * COUNT, 1), *expected = numbers(3 * COUNT, 1);
  for (int is_bgr = 0; is_bgr < 2; is_bgr++) {
    vt_normalize_rgb(out, rgb, 1, mean, std, is_bgr, COUNT);
    for (int i = 0; i < 3 * COUNT; i++)
      expected[i] = (rgb[is_bgr ? i / 3 * 3 + 2 - i % 3 : i] / 255.0f - mean[i % 3]) / std[i % 3];
    compare("normalized pixels", out, expected, 3 * COUNT, 1e-6);
  }
}

void check_bytes(void) {
  const size_t sizes[] = {1, 2, 4, 8, 16};
  for (int i = 0; i < 5; i++) {
    permutations(sizes[i]);
    widths(sizes[i]);
  }
  halves();
  pixels();
}
