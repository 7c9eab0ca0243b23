#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "cimaging.h"

typedef struct { const uint8_t *bytes; uint64_t count, at; } vt_tiff_source;

static tmsize_t read_bytes(thandle_t handle, void *out, tmsize_t count) {
  vt_tiff_source *source = handle;
  uint64_t left = source->at < source->count ? source->count - source->at : 0;
  uint64_t take = count < 0 ? 0 : (uint64_t)count < left ? (uint64_t)count : left;
  memcpy(out, source->bytes + (left ? source->at : 0), take);
  source->at += take;
  return (tmsize_t)take;
}
static tmsize_t write_bytes(thandle_t handle, void *bytes, tmsize_t count) {
  (void)handle, (void)bytes, (void)count;
  return 0;
}
static toff_t seek(thandle_t handle, toff_t offset, int whence) {
  vt_tiff_source *source = handle;
  source->at = whence == SEEK_SET ? offset : whence == SEEK_CUR ? source->at + offset : source->count + offset;
  return source->at;
}
static int close_source(thandle_t handle) {
  (void)handle;
  return 0;
}
static toff_t size(thandle_t handle) { return ((vt_tiff_source *)handle)->count; }

// The first error is the one that tells.
static int on_error(TIFF *tiff, void *message, const char *module, const char *format, va_list list) {
  (void)tiff, (void)module;
  if (!((char *)message)[0]) vsnprintf(message, VT_IMAGE_MESSAGE, format, list);
  return 1;
}
static int on_warning(TIFF *tiff, void *message, const char *module, const char *format, va_list list) {
  (void)tiff, (void)message, (void)module, (void)format, (void)list;
  return 1;
}

static TIFF *open_source(vt_tiff_source *source, uint64_t max_pixels, char *message) {
  // 'm' maps nothing: every read goes through the bounds above.
#if TIFFLIB_VERSION >= 20221213
  TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
  if (!options) return NULL;
  TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, message);
  TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, NULL);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)(8 * max_pixels + (1 << 20)));
  TIFF *tiff = TIFFClientOpenExt("image", "rm", source, read_bytes, write_bytes, seek, close_source, size,
                                 NULL, NULL, options);
  TIFFOpenOptionsFree(options);
  return tiff;
#else
  (void)max_pixels, (void)message, (void)on_error, (void)on_warning;
  TIFFSetErrorHandler(NULL);
  TIFFSetWarningHandler(NULL);
  return TIFFClientOpen("image", "rm", source, read_bytes, write_bytes, seek, close_source, size, NULL, NULL);
#endif
}

// libtiff gives colours that are multiplied by alpha; ours are not.
static uint8_t straight(unsigned value, unsigned alpha) {
  if (alpha == 0) return 0;
  unsigned whole = (value * 255 + alpha / 2) / alpha;
  return (uint8_t)(whole < 255 ? whole : 255);
}

static int decode(TIFF *tiff, uint64_t max_pixels, vt_image *image) {
  uint32_t width = 0, height = 0;
  uint16_t orientation = 1, extras = 0, *kinds = NULL, colours = 0;
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
  if (width == 0 || height == 0 || (uint64_t)width * height > max_pixels) {
    snprintf(image->message, VT_IMAGE_MESSAGE, "%u x %u pixels are too many", width, height);
    return -1;
  }
  // libtiff's and other programs' ideas of the white point differ.
  if (TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &colours) &&
      (colours == PHOTOMETRIC_CIELAB || colours == PHOTOMETRIC_ICCLAB || colours == PHOTOMETRIC_ITULAB)) {
    snprintf(image->message, VT_IMAGE_MESSAGE, "CIE L*a*b* colours are not read");
    return -1;
  }
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extras, &kinds);
  // A channel that the file does not call alpha is none, whatever libtiff takes it for.
  int has_alpha = extras > 0 && (kinds[0] == EXTRASAMPLE_ASSOCALPHA || kinds[0] == EXTRASAMPLE_UNASSALPHA);
  char text[1024] = "";
  TIFFRGBAImage reader;
  if (!TIFFRGBAImageOK(tiff, text) || !TIFFRGBAImageBegin(&reader, tiff, 1, text)) {
    if (!image->message[0]) snprintf(image->message, VT_IMAGE_MESSAGE, "%.190s", text);
    return -1;
  }
  // In the order of the file; turning is done elsewhere, for all formats alike.
  reader.orientation = reader.req_orientation = ORIENTATION_TOPLEFT;
  size_t count = (size_t)width * height, channels = has_alpha ? 4 : 3;
  uint32_t *raster = calloc(count, sizeof *raster);
  int done = raster && TIFFRGBAImageGet(&reader, raster, width, height) && !image->message[0];
  TIFFRGBAImageEnd(&reader);
  if (!done) {
    if (!image->message[0]) snprintf(image->message, VT_IMAGE_MESSAGE, raster ? "damaged or cut off" : "not enough memory");
    free(raster);
    return -1;
  }
  // In place: a pixel is never longer than before.
  uint8_t *out = (uint8_t *)raster;
  for (size_t i = 0; i < count; i++) {
    uint32_t pixel = raster[i];
    unsigned alpha = TIFFGetA(pixel), rgb[3] = {TIFFGetR(pixel), TIFFGetG(pixel), TIFFGetB(pixel)};
    for (int c = 0; c < 3; c++) out[channels * i + c] = has_alpha ? straight(rgb[c], alpha) : (uint8_t)rgb[c];
    if (has_alpha) out[channels * i + 3] = (uint8_t)alpha;
  }
  image->orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
  image->width = width;
  image->height = height;
  image->channels = (uint32_t)channels;
  image->pixels = out;
  return 0;
}

int vt_decode_tiff(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image) {
  memset(image, 0, sizeof *image);
  image->orientation = 1;
  vt_tiff_source source = {bytes, count, 0};
  TIFF *tiff = open_source(&source, max_pixels, image->message);
  if (!tiff) {
    if (!image->message[0]) snprintf(image->message, VT_IMAGE_MESSAGE, "the TIFF header is damaged or cut off");
    return -1;
  }
  // What the directory's entries are found to lack is told again where it matters.
  image->message[0] = 0;
  int status = decode(tiff, max_pixels, image);
  TIFFClose(tiff);
  return status;
}
