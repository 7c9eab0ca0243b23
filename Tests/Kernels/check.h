// The C kernels' tests in plain C, without Swift: for processors that the machine does not have (scripts/test-arm64.sh),
// and under sanitizers (scripts/test-sanitizers.sh). Each array has exactly the numbers that a kernel may touch, so that
// AddressSanitizer sees one more.
#ifndef VT_CHECK_H
#define VT_CHECK_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckernels.h"

#define LIST(...) {__VA_ARGS__}

/// Numbers between -1 and 1, the same for the same seed. Nothing is ever freed: the process ends soon.
float *numbers(size_t count, unsigned seed);
float *copy(const float *numbers, size_t count);
/// Fails where `a` differs from `b` by more than `tolerance` of b's largest number, or has a NaN.
void compare(const char *what, const float *a, const float *b, size_t count, double tolerance);
void expect(const char *what, int holds);

void check_parity(void);
void check_transposes(void);
void check_bytes(void);

#endif
