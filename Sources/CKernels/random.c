#include "ckernels.h"

void vt_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
    uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)b;
    c3 = (uint32_t)a;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0; out[1] = c1; out[2] = c2; out[3] = c3;
}

void vt_dropout(float *y, const float *x, size_t begin, size_t count, float rate,
                const uint32_t key[2], uint64_t stream, int accumulate) {
  // An element is dropped if its 32-bit word is below rate * 2^32.
  const uint64_t threshold = (uint64_t)((double)rate * 4294967296.0);
  const float scale = 1.0f / (1.0f - rate);
  uint32_t word[4];
  uint64_t block = UINT64_MAX;
  for (size_t i = 0; i < count; i++) {
    uint64_t index = (uint64_t)begin + i;
    if (index >> 2 != block) {
      block = index >> 2;
      uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream,
                             (uint32_t)(stream >> 32)};
      vt_philox(word, counter, key);
    }
    float v = word[index & 3] < threshold ? 0.0f : x[i] * scale;
    y[i] = accumulate ? y[i] + v : v;
  }
}
