#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

#include "cimaging.h"

typedef struct { const uint8_t *bytes; size_t count, at; } vt_gif_source;

static int read_bytes(GifFileType *gif, GifByteType *out, int count) {
  vt_gif_source *source = gif->UserData;
  size_t left = source->count - source->at, take = count < 0 ? 0 : (size_t)count < left ? (size_t)count : left;
  memcpy(out, source->bytes + source->at, take);
  source->at += take;
  return (int)take;
}

static int fail(vt_image *image, const char *text) {
  snprintf(image->message, VT_IMAGE_MESSAGE, "%s", text ? text : "damaged or cut off");
  return -1;
}

// Goes on to the first frame; `transparent` becomes its transparent colour, or stays -1.
static int find_frame(GifFileType *gif, int *transparent) {
  GifRecordType kind;
  while (DGifGetRecordType(gif, &kind) == GIF_OK) {
    if (kind == IMAGE_DESC_RECORD_TYPE) return DGifGetImageDesc(gif) == GIF_OK;
    if (kind == TERMINATE_RECORD_TYPE) return 0;
    if (kind != EXTENSION_RECORD_TYPE) continue;
    int code;
    GifByteType *block;
    GraphicsControlBlock control;
    if (DGifGetExtension(gif, &code, &block) != GIF_OK) return 0;
    if (code == GRAPHICS_EXT_FUNC_CODE && block && block[0] >= 4 &&
        DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
      *transparent = control.TransparentColor;
    while (block)
      if (DGifGetExtensionNext(gif, &block) != GIF_OK) return 0;
  }
  return 0;
}

// The frame's colour numbers, rows in their order.
static int read_rows(GifFileType *gif, uint8_t *rows) {
  static const int first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
  int width = gif->Image.Width, height = gif->Image.Height;
  for (int pass = 0; pass < (gif->Image.Interlace ? 4 : 1); pass++)
    for (int y = gif->Image.Interlace ? first[pass] : 0; y < height; y += gif->Image.Interlace ? step[pass] : 1)
      if (DGifGetLine(gif, rows + (size_t)y * width, width) != GIF_OK) return 0;
  return 1;
}

static int decode(GifFileType *gif, uint64_t max_pixels, vt_image *image) {
  int transparent = NO_TRANSPARENT_COLOR;
  if (!find_frame(gif, &transparent)) return fail(image, "no frame is whole");
  GifImageDesc frame = gif->Image;
  if (frame.Left < 0 || frame.Top < 0 || frame.Width <= 0 || frame.Height <= 0)
    return fail(image, "the frame has no pixels");
  // A frame that reaches over the screen's edge makes the image larger.
  uint64_t width = (uint64_t)frame.Left + frame.Width, height = (uint64_t)frame.Top + frame.Height;
  if (gif->SWidth > 0 && width < (uint64_t)gif->SWidth) width = (uint64_t)gif->SWidth;
  if (gif->SHeight > 0 && height < (uint64_t)gif->SHeight) height = (uint64_t)gif->SHeight;
  if (width * height > max_pixels) {
    snprintf(image->message, VT_IMAGE_MESSAGE, "%llu x %llu pixels are too many", (unsigned long long)width,
             (unsigned long long)height);
    return -1;
  }
  size_t count = (size_t)frame.Width * frame.Height;
  uint8_t *rows = malloc(count);
  if (!rows) return fail(image, "not enough memory");
  if (!read_rows(gif, rows)) {
    free(rows);
    return fail(image, GifErrorString(gif->Error));
  }
  uint8_t *pixels = malloc(width * height * 4);
  if (!pixels) {
    free(rows);
    return fail(image, "not enough memory");
  }
  // What the frame does not cover is transparent.
  for (size_t i = 0; i < width * height; i++) memcpy(pixels + 4 * i, (uint8_t[]){255, 255, 255, 0}, 4);
  const ColorMapObject *map = frame.ColorMap ? frame.ColorMap : gif->SColorMap;
  for (size_t y = 0; y < (size_t)frame.Height; y++) {
    uint8_t *out = pixels + 4 * ((frame.Top + y) * width + frame.Left);
    for (size_t x = 0; x < (size_t)frame.Width; x++, out += 4) {
      int index = rows[y * frame.Width + x];
      // Without a palette the numbers are grays.
      GifColorType gray = {(GifByteType)index, (GifByteType)index, (GifByteType)index}, black = {0, 0, 0};
      GifColorType colour = !map ? gray : index < map->ColorCount ? map->Colors[index] : black;
      out[0] = colour.Red;
      out[1] = colour.Green;
      out[2] = colour.Blue;
      out[3] = index == transparent ? 0 : 255;
    }
  }
  free(rows);
  image->width = (uint32_t)width;
  image->height = (uint32_t)height;
  image->channels = 4;
  image->pixels = pixels;
  return 0;
}

int vt_decode_gif(const uint8_t *bytes, size_t count, uint64_t max_pixels, vt_image *image) {
  memset(image, 0, sizeof *image);
  image->orientation = 1;
  vt_gif_source source = {bytes, count, 0};
  int error = 0;
  GifFileType *gif = DGifOpen(&source, read_bytes, &error);
  if (!gif) return fail(image, GifErrorString(error));
  int status = decode(gif, max_pixels, image);
  DGifCloseFile(gif, &error);
  return status;
}
