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

// The first frame of an animation, on a transparent canvas of `width` columns. libwebp's own decoder of animations
// keeps two canvases more.
static int first_frame(const WebPData *data, uint8_t *pixels, size_t width, size_t size) {
  WebPDemuxer *file = WebPDemux(data);
  WebPIterator frame;
  int done = 0;
  if (file && WebPDemuxGetFrame(file, 1, &frame)) {
    WebPBitstreamFeatures features;
    const WebPData part = frame.fragment;
    size_t at = ((size_t)frame.y_offset * width + (size_t)frame.x_offset) * 4;
    // What the frame's own header says decides how much is written.
    done = frame.complete && WebPGetFeatures(part.bytes, part.size, &features) == VP8_STATUS_OK &&
           (size_t)frame.x_offset + (size_t)features.width <= width && at < size &&
           WebPDecodeRGBAInto(part.bytes, part.size, pixels + at, size - at, (int)(width * 4)) != NULL;
    WebPDemuxReleaseIterator(&frame);
  }
  WebPDemuxDelete(file);
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
  uint8_t *pixels = calloc(size, 1);
  if (!pixels) return fail(image, "not enough memory");
  int done = features.has_animation ? first_frame(&data, pixels, width, size)
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
