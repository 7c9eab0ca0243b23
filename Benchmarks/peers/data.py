#!/usr/bin/env python3
"""Images per second on one core: decoding and augmenting by VTKit, by torchvision over Pillow, and by torchvision's
own JPEG decoder, alternately.

    data.py VTKIT [--pictures 60] [--turns 3]

The images are generated here: smooth noise with the detail of photographs, JPEG at quality 90, in the size of a data
set's (500 x 375) and of a camera's (2048 x 1536). All tools crop and resize to 224 px (a random crop of 8 to 100 % of
the area, bicubic, half of them flipped) and normalize.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time

import numpy as np
import torch
from PIL import Image
from torchvision import transforms
from torchvision.io import ImageReadMode, decode_jpeg, read_file
from torchvision.transforms import v2


def make(folder, width, height, count):
    rng = np.random.default_rng(0)
    for label in "ab":
        os.makedirs(f"{folder}/{label}")
    for i in range(count):
        total = np.zeros((height, width, 3))
        for scale in (1, 2, 4, 8, 16, 32, 64):
            small = rng.normal(size=(-(-height // scale), -(-width // scale), 3))
            channels = [Image.fromarray(small[..., c].astype(np.float32)).resize((width, height), Image.BICUBIC)
                        for c in range(3)]
            total += np.stack([np.asarray(c) for c in channels], -1) * scale ** 0.9
        total = (total - total.mean()) / total.std() * 50 + 128
        Image.fromarray(total.clip(0, 255).astype(np.uint8)).save(f"{folder}/{'ab'[i % 2]}/{i:03}.jpg", quality=90)


def rate(paths, body):
    began = time.perf_counter()
    for path in paths:
        body(path)
    return len(paths) / (time.perf_counter() - began)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vtkit")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--turns", type=int, default=3)
    o = parser.parse_args()
    torch.set_num_threads(1)
    normalize = transforms.Normalize([0.5] * 3, [0.5] * 3)
    pillow = transforms.Compose([
        transforms.RandomResizedCrop(224, interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.RandomHorizontalFlip(), transforms.ToTensor(), normalize])
    tensors = v2.Compose([
        v2.RandomResizedCrop(224, interpolation=v2.InterpolationMode.BICUBIC, antialias=True),
        v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)])
    evaluation = transforms.Compose([
        transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224),
        transforms.ToTensor(), normalize])
    print("| pictures | work | VTKit / Pillow with torchvision | VTKit / torchvision's decoder and tensors |")
    print("| --- | --- | --- | --- |")
    for width, height in ((500, 375), (2048, 1536)):
        with tempfile.TemporaryDirectory() as folder:
            make(folder, width, height, o.pictures)
            paths = [f"{folder}/{'ab'[i % 2]}/{i:03}.jpg" for i in range(o.pictures)]
            best = {}

            def note(name, value):
                best[name] = max(best.get(name, 0), value)

            for _ in range(o.turns):
                mine = json.loads(subprocess.run([o.vtkit, "bench", "data", folder, "--rounds", "1", "--json"],
                                                 check=True, capture_output=True, text=True).stdout)
                note("ours", mine["training_pictures_per_second"])
                note("ours evaluating", mine["evaluation_pictures_per_second"])
                note("pillow", rate(paths, lambda p: pillow(Image.open(p).convert("RGB"))))
                note("pillow evaluating", rate(paths, lambda p: evaluation(Image.open(p).convert("RGB"))))
                note("tensors", rate(paths, lambda p: tensors(decode_jpeg(read_file(p), ImageReadMode.RGB))))
            print(f"| {width} x {height} | training | {best['ours'] / best['pillow']:.2f} "
                  f"| {best['ours'] / best['tensors']:.2f} |")
            print(f"| {width} x {height} | evaluation | {best['ours evaluating'] / best['pillow evaluating']:.2f} | |")


if __name__ == "__main__":
    main()
