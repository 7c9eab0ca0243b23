#include <string.h>

#include "exif.h"

static unsigned u16(const uint8_t *p, int little) {
  return little ? p[0] | (unsigned)p[1] << 8 : (unsigned)p[0] << 8 | p[1];
}
static uint32_t u32(const uint8_t *p, int little) {
  return little ? u16(p, 1) | (uint32_t)u16(p + 2, 1) << 16
                : (uint32_t)u16(p, 0) << 16 | u16(p + 2, 0);
}

int vt_exif_orientation(const uint8_t *p, size_t n) {
  if (n >= 6 && memcmp(p, "Exif\0\0", 6) == 0) {
    p += 6;
    n -= 6;
  }
  if (n < 8) return 1;
  int little = p[0] == 'I';
  if (!(little ? p[1] == 'I' : p[0] == 'M' && p[1] == 'M') || u16(p + 2, little) != 42) return 1;
  size_t at = u32(p + 4, little);
  if (at > n || n - at < 2) return 1;
  size_t count = u16(p + at, little);
  at += 2;
  for (size_t i = 0; i < count && n - at >= 12; i++, at += 12)
    if (u16(p + at, little) == 0x0112 && u16(p + at + 2, little) == 3) {
      unsigned value = u16(p + at + 8, little);
      return value >= 1 && value <= 8 ? (int)value : 1;
    }
  return 1;
}
