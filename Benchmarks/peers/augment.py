"""Operations of augmentation beside Pillow's, on one 224 x 224 image and one core, in turns; the fastest of each counts.
usage: augment.py [ROUNDS] (needs Pillow and NumPy, and a C compiler)"""
import ctypes, math, os, subprocess, sys, tempfile, time
import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
source = os.path.join(root, "Sources", "CImaging")
library = os.path.join(tempfile.mkdtemp(), "augment.so")
subprocess.check_call([os.environ.get("CC", "clang"), "-O2", "-shared", "-fPIC", "-I" + os.path.join(source, "include"),
                       *[os.path.join(source, name) for name in ("affine.c", "color.c", "blur.c")], "-lm", "-o", library])
lib = ctypes.CDLL(library)
P, S, F = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_float
lib.vt_affine_rgb.argtypes = [P, P, S, S, P, P, ctypes.c_int]
lib.vt_lookup_rgb.argtypes = [P, P, S, P]
lib.vt_histogram_rgb.argtypes = [P, P, S]
lib.vt_luminance_sum.argtypes, lib.vt_luminance_sum.restype = [P, S], ctypes.c_uint64
lib.vt_saturate_rgb.argtypes = [P, P, S, F]
lib.vt_sharpen_rgb.argtypes = [P, P, S, S, F]
lib.vt_shift_hue_rgb.argtypes = [P, P, S, ctypes.c_uint8]
lib.vt_gaussian_blur_rgb.argtypes = [P, P, S, S, F]

SIDE, FILL = 224, (124, 116, 104)
image = Image.open(os.path.join(root, "fixtures", "reference", "augment", "d.png")).convert("RGB").resize((SIDE, SIDE))
pixels = np.asarray(image).copy()
out, table, histogram = np.empty_like(pixels), np.tile(np.arange(256, dtype=np.uint8), 3), np.zeros(768, np.uint64)
fill, count = np.array(FILL, np.uint8), SIDE * SIDE
IN, OUT = pixels.ctypes.data, out.ctypes.data


def lookup(): lib.vt_lookup_rgb(OUT, IN, count, table.ctypes.data)


def stretch():
    lib.vt_histogram_rgb(histogram.ctypes.data, IN, count)
    lookup()


def contrast():
    lib.vt_luminance_sum(IN, count)
    lookup()


def affine(matrix, bicubic=True):
    numbers = np.array(matrix, np.float64)
    return lambda: lib.vt_affine_rgb(OUT, IN, SIDE, SIDE, numbers.ctypes.data, fill.ctypes.data, int(bicubic))


def pillow_affine(matrix): return lambda: image.transform(image.size, Image.AFFINE, matrix, Image.BICUBIC, fillcolor=FILL)


c, s, half = math.cos(math.radians(27)), math.sin(math.radians(27)), SIDE / 2
turned = (c, -s, half - c * half + s * half, s, c, half - s * half - c * half)
added = [min(255, i + 99) if i < 128 else i for i in range(256)] * 3
# RandAugment's fifteen at magnitude 9, then others.
operations = {
    "AutoContrast": (stretch, lambda: ImageOps.autocontrast(image)),
    "Equalize": (stretch, lambda: ImageOps.equalize(image)),
    "Invert": (lookup, lambda: ImageOps.invert(image)),
    "Posterize": (lookup, lambda: ImageOps.posterize(image, 1)),
    "Solarize": (lookup, lambda: ImageOps.solarize(image, 26)),
    "SolarizeAdd": (lookup, lambda: image.point(added)),
    "Color": (lambda: lib.vt_saturate_rgb(OUT, IN, count, 1.81), lambda: ImageEnhance.Color(image).enhance(1.81)),
    "Contrast": (contrast, lambda: ImageEnhance.Contrast(image).enhance(1.81)),
    "Brightness": (lookup, lambda: ImageEnhance.Brightness(image).enhance(1.81)),
    "Sharpness": (lambda: lib.vt_sharpen_rgb(OUT, IN, SIDE, SIDE, 1.81), lambda: ImageEnhance.Sharpness(image).enhance(1.81)),
    "Rotate": (affine(turned), lambda: image.rotate(27, Image.BICUBIC, fillcolor=FILL)),
    "ShearX": (affine((1, 0.27, 0, 0, 1, 0)), pillow_affine((1, 0.27, 0, 0, 1, 0))),
    "ShearY": (affine((1, 0, 0, 0.27, 1, 0)), pillow_affine((1, 0, 0, 0.27, 1, 0))),
    "TranslateX": (affine((1, 0, 90.72, 0, 1, 0)), pillow_affine((1, 0, 90.72, 0, 1, 0))),
    "TranslateY": (affine((1, 0, 0, 0, 1, 90.72)), pillow_affine((1, 0, 0, 0, 1, 90.72))),
    "Rotate, bilinear": (affine(turned, False), lambda: image.rotate(27, Image.BILINEAR, fillcolor=FILL)),
    "Hue": (lambda: lib.vt_shift_hue_rgb(OUT, IN, count, 25), lambda: Image.merge("HSV", image.convert("HSV").split()).convert("RGB")),
    "GaussianBlur": (lambda: lib.vt_gaussian_blur_rgb(OUT, IN, SIDE, SIDE, 1.3), lambda: image.filter(ImageFilter.GaussianBlur(1.3))),
}
best = {name: [math.inf, math.inf] for name in operations}
for _ in range(rounds):
    for name, pair in operations.items():
        for side, run in enumerate(pair):
            began = time.perf_counter()
            run()
            best[name][side] = min(best[name][side], time.perf_counter() - began)
for name, (own, pillow) in best.items():
    print(f"{name:18} {own * 1e3:7.3f} ms   Pillow {pillow * 1e3:7.3f} ms   {pillow / own:5.2f} times Pillow's speed")
own, pillow = (sum(best[name][side] for name in list(operations)[:15]) / 15 for side in (0, 1))
print(f"\nthe mean of RandAugment's fifteen: {own * 1e3:.3f} ms, Pillow {pillow * 1e3:.3f} ms, {pillow / own:.2f} times Pillow's speed")
