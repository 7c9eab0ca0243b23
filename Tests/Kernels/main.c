#include "check.h"

static int failures, checks;

float *numbers(size_t count, unsigned seed) {
  float *x = malloc(count * sizeof(float));
  for (size_t i = 0; i < count; i++) {
    uint32_t out[4], counter[4] = {(uint32_t)i, seed, 0, 0}, key[2] = {7, 9};
    vt_philox(out, counter, key);
    x[i] = (float)(out[0] >> 8) / (float)(1 << 23) - 1;
  }
  return x;
}

float *copy(const float *numbers, size_t count) {
  float *x = malloc(count * sizeof(float));
  memcpy(x, numbers, count * sizeof(float));
  return x;
}

void expect(const char *what, int holds) {
  checks++;
  if (holds) return;
  failures++;
  printf("%s: fails\n", what);
}

void compare(const char *what, const float *a, const float *b, size_t count, double tolerance) {
  checks++;
  double largest = 1e-6, worst = 0;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)b[i]));
  for (size_t i = 0; i < count; i++) {
    double d = fabs((double)a[i] - b[i]);
    if (!(d <= worst)) worst = d;  // NaN too
  }
  if (worst <= tolerance * largest) return;
  failures++;
  printf("%s: differs by %g of %g\n", what, worst, largest);
}

int main(void) {
  check_parity();
  check_transposes();
  check_bytes();
  printf("%d passed, %d failed\n", checks - failures, failures);
  return failures != 0;
}
