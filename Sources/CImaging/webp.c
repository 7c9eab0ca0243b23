#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "cimaging.h"
#include "exif.h"

static int fail(vt_image *image, const char *text) {
  snprintf(image->message, VT_IMAGE_MESSAGE, "%s", text);
  return -1;
}

static int orientation(const WebPData *data) {
  WebPDemuxer *file = WebPDemux(data);
  WebPChunkIterator chunk;
  int value = 1;
  if (file && WebPDemuxGetChunk(file, "EXIF", 1, &chunk)) {
    value = vt_exif_orientation(chunk.chunk.bytes, chunk.chunk.size);
    WebPDemuxReleaseChunkIterator(&chunk);
  }
  WebPDemuxDelete(file);
  return value;
}

// The first frame of an animation, laid over a transparent canvas.
static int first_frame(const WebPData *data, uint8_t *pixels, size_t size) {
  WebPAnimDecoderOptions options;
  if (!WebPAnimDecoderOptionsInit(&options)) return 0;
  options.color_mode = MODE_RGBA;
  WebPAnimDecoder *decoder = WebPAnimDecoderNew(data, &options);
  if (!decoder) return 0;
  WebPAnimInfo info;
  uint8_t *canvas;
  int time, done = 0;
  if (WebPAnimDecoderGetInfo(decoder, &info) && (size_t)info.canvas_width * info.canvas_height * 4 == size &&
      WebPAnimDecoderGetNext(decoder, &canvas, &time)) {
    memcpy(pixels, canvas, size);
    done = 1;
  }
  WebPAnimDecoderDelete(decoder);
  return done;
}

int vt_decode_webp(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image) {
  memset(image, 0, sizeof *image);
  image->orientation = 1;
  WebPData data = {bytes, count};
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(bytes, count, &features) != VP8_STATUS_OK)
    return fail(image, "the WebP header is damaged or cut off");
  uint64_t width = (uint64_t)features.width, height = (uint64_t)features.height;
  if (width == 0 || height == 0 || width * height > max_pixels) {
    snprintf(image->message, VT_IMAGE_MESSAGE, "%llu x %llu pixels are too many",
             (unsigned long long)width, (unsigned long long)height);
    return -1;
  }
  size_t channels = features.has_alpha || features.has_animation ? 4 : 3;
  size_t stride = width * channels, size = stride * height;
  uint8_t *pixels = malloc(size);
  if (!pixels) return fail(image, "not enough memory");
  int done = features.has_animation ? first_frame(&data, pixels, size)
             : channels == 4        ? WebPDecodeRGBAInto(bytes, count, pixels, size, (int)stride) != NULL
                                    : WebPDecodeRGBInto(bytes, count, pixels, size, (int)stride) != NULL;
  if (!done) {
    free(pixels);
    return fail(image, "the WebP data is damaged or cut off");
  }
  image->orientation = orientation(&data);
  image->width = (uint32_t)width;
  image->height = (uint32_t)height;
  image->channels = (uint32_t)channels;
  image->pixels = pixels;
  return 0;
}
