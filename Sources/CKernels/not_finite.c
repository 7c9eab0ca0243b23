#include <string.h>

#include "ckernels.h"

#define COUNT(TYPE)                                  \
  for (size_t i = 0; i < count; i++) {               \
    TYPE bits;                                       \
    memcpy(&bits, at + i * sizeof(TYPE), sizeof bits); \
    found += (bits & (TYPE)exponent) == (TYPE)exponent; \
  }

size_t vt_count_not_finite(const void *numbers, size_t count, size_t width, uint64_t exponent) {
  const unsigned char *at = numbers;
  size_t found = 0;
  if (width == 2) {
    COUNT(uint16_t)
  } else if (width == 4) {
    COUNT(uint32_t)
  } else if (width == 8) {
    COUNT(uint64_t)
  }
  return found;
}
