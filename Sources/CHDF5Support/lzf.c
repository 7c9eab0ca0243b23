// LZF decompression as an HDF5 filter, for reading. The stream is runs: a control byte below
// 32 copies that many bytes plus one; otherwise its upper three bits plus two are a length (7: one
// more byte follows) and its lower five with the next byte a distance back, less one.
#include <stdlib.h>
#include <string.h>

#include "../CHDF5/shim.h"
#include "hdf5_support.h"

// Bytes made, or 0 where the stream is damaged or does not fit.
static size_t lzf_decompress(const unsigned char *in, size_t in_size, unsigned char *out,
                             size_t out_size) {
  size_t i = 0, o = 0;
  while (i < in_size) {
    unsigned control = in[i++];
    if (control < 32) {
      size_t run = control + 1;
      if (run > in_size - i || run > out_size - o) return 0;
      memcpy(out + o, in + i, run);
      i += run;
      o += run;
    } else {
      size_t length = control >> 5;
      if (length == 7) {
        if (i >= in_size) return 0;
        length += in[i++];
      }
      length += 2;
      if (i >= in_size) return 0;
      size_t distance = ((size_t)(control & 31) << 8 | in[i++]) + 1;
      if (distance > o || length > out_size - o) return 0;
      for (size_t k = 0; k < length; k++, o++) out[o] = out[o - distance];
    }
  }
  return o;
}

static size_t lzf_filter(unsigned flags, size_t parameters, const unsigned values[], size_t bytes,
                         size_t *buffer_size, void **buffer) {
  if (!(flags & H5Z_FLAG_REVERSE)) return 0;
  // h5py stores the chunk's size as the third parameter.
  size_t size = parameters >= 3 && values[2] > 0 ? values[2] : *buffer_size;
  for (int attempt = 0; attempt < 24 && size < ((size_t)1 << 32); attempt++, size *= 2) {
    unsigned char *out = malloc(size);
    if (!out) return 0;
    size_t made = lzf_decompress(*buffer, bytes, out, size);
    if (made) {
      free(*buffer);
      *buffer = out;
      *buffer_size = size;
      return made;
    }
    free(out);
    if (parameters >= 3 && values[2] > 0) return 0;
  }
  return 0;
}

int vt_h5_register_lzf(void) {
  static const H5Z_class2_t filter = {
      H5Z_CLASS_T_VERS, (H5Z_filter_t)32000, 0, 1, "lzf", NULL, NULL, lzf_filter};
  return H5Zregister(&filter) >= 0;
}
