#!/usr/bin/env python3
"""Times conversions of a ViT-B/16 (346 MB) beside cp, NumPy and h5py, alternately, in one run, and prints ratios.

    files.py VTKIT [--turns 5]

VTKit's time is that of the complete command: detection, layout, the source's SHA-256, and flushing to the disk, which
the libraries do not do. The peers read every array and write it with safetensors' own save_file.
"""
import argparse
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile
import time

PEER = """
import sys, h5py, numpy
from safetensors.numpy import save_file
arrays = {}
if sys.argv[1].endswith("npz"):
    arrays = dict(numpy.load(sys.argv[1]))
else:
    h5py.File(sys.argv[1]).visititems(
        lambda n, o: arrays.__setitem__(n, o[()]) if isinstance(o, h5py.Dataset) else None)
save_file(arrays, sys.argv[2])
"""


def vit_base():
    import numpy as np
    random = np.random.default_rng(0)

    def f(*shape):
        return (random.standard_normal(shape) * 0.02).astype(np.float32)
    t = {"cls": f(1, 1, 768), "Transformer/posembed_input/pos_embedding": f(1, 197, 768),
         "embedding/kernel": f(16, 16, 3, 768), "embedding/bias": f(768),
         "Transformer/encoder_norm/scale": f(768), "Transformer/encoder_norm/bias": f(768),
         "head/kernel": f(768, 1000), "head/bias": f(1000)}
    for i in range(12):
        p = f"Transformer/encoderblock_{i}/"
        a = p + "MultiHeadDotProductAttention_1/"
        for n in ["LayerNorm_0", "LayerNorm_2"]:
            t[p + n + "/scale"], t[p + n + "/bias"] = f(768), f(768)
        for n in ["query", "key", "value"]:
            t[a + n + "/kernel"], t[a + n + "/bias"] = f(768, 12, 64), f(12, 64)
        t[a + "out/kernel"], t[a + "out/bias"] = f(12, 64, 768), f(768)
        t[p + "MlpBlock_3/Dense_0/kernel"], t[p + "MlpBlock_3/Dense_0/bias"] = f(768, 3072), f(3072)
        t[p + "MlpBlock_3/Dense_1/kernel"], t[p + "MlpBlock_3/Dense_1/bias"] = f(3072, 768), f(768)
    return t


def make_files(folder):
    import h5py
    import numpy as np
    arrays = vit_base()
    np.savez(folder / "stored.npz", **arrays)
    np.savez_compressed(folder / "compressed.npz", **arrays)
    with h5py.File(folder / "gzip.h5", "w") as file:
        for key, value in arrays.items():
            file.create_dataset(key, data=value, chunks=True, compression="gzip", shuffle=True)


def seconds(command, output):
    """Wall time and the peak memory in MiB; the output is new each time and deleted after."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    assert status == 0, command
    pathlib.Path(output).unlink()
    return took, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vtkit")
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # In a separate process: a child's peak counts the memory of the parent that started it.
        make = multiprocessing.get_context("spawn").Process(target=make_files, args=(folder,))
        make.start()
        make.join()
        out = str(folder / "out.safetensors")

        def convert(source, *options):
            return [arguments.vtkit, "convert", str(folder / source), out, *options]

        def peer(source):
            return [sys.executable, "-c", PEER, str(folder / source), out]
        copy = ["cp", str(folder / "stored.npz"), out]
        works = {
            "cp": copy, "cp, flushed": ["sh", "-c", f"cp {copy[1]} {out} && sync {out}"],
            "stored .npz": convert("stored.npz"), "stored .npz, as it is": convert("stored.npz", "--raw"),
            "compressed .npz": convert("compressed.npz"), "compressed .npz, as it is": convert("compressed.npz", "--raw"),
            "NumPy": peer("compressed.npz"),
            "gzip HDF5, as it is": convert("gzip.h5", "--raw"), "h5py": peer("gzip.h5"),
        }
        best = {name: (float("inf"), 0) for name in works}
        for _ in range(arguments.turns):
            for name, command in works.items():
                took, memory = seconds(command, out)
                best[name] = (min(best[name][0], took), max(best[name][1], memory))
        print("| work | against | ratio of speeds | peak memory |\n| --- | --- | --- | --- |")
        for name, against in [("stored .npz", "cp"), ("stored .npz", "cp, flushed"),
                              ("stored .npz, as it is", "cp, flushed"), ("compressed .npz", "NumPy"), ("compressed .npz, as it is", "NumPy"),
                              ("gzip HDF5, as it is", "h5py")]:
            print(f"| {name} | {against} | {best[against][0] / best[name][0]:.2f} | {best[name][1]:.0f} MiB |")


if __name__ == "__main__":
    main()
