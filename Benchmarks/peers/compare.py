#!/usr/bin/env python3
"""Times VTKit and PyTorch on the same work, alternately, in one run, and prints a table of ratios.

    compare.py VTKIT [--networks NAME …] [--work train16 predict16 predict1 predict32] [--threads 2] [--turns 3]

trainN: a training step on N images: forward pass, cross-entropy with label smoothing 0.1, the drloc loss over 64 pairs
per image, backward pass, clipping to norm 5, AdamW; float32. predictN: the logits of N images. Every round runs in its
own process, one tool after the other, `turns` times; the fastest round of each counts. Quote ratios only: absolute times
depend on the machine and its load. PyTorch runs eager, channels-last and compiled in the first turn; the fastest of
these is compared with VTKit, in further turns, too. --avx2 restricts both tools, and the peak measurement, to AVX2, to
estimate processors without wider vectors.
"""
import argparse
import json
import math
import os
import re
import resource
import subprocess
import sys
import time

NETWORKS = ["swin_tiny_patch4_window7_224", "cvt_13_224", "t2t_vit_14", "vit_base_patch16_224", "resnet50"]
VARIANTS = ["eager", "channels-last", "compile"]


def torch_rounds(network, work, batch, size, threads, rounds, variant):
    import torch
    from torch import nn

    import networks

    torch.set_num_threads(threads)
    if os.environ.get("ATEN_CPU_CAPABILITY") == "avx2":
        import torch._inductor.config

        torch._inductor.config.cpp.simdlen = 256
    torch.manual_seed(0)
    model = networks.make(network)
    side, width = model.side, model.width
    images = torch.randn(batch, 3, size, size)
    labels = torch.randint(0, 1000, (batch,))
    if variant == "channels-last":
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    forward = torch.compile(model) if variant == "compile" else model
    if work == "predict":
        model.eval()

        def one():
            with torch.inference_mode():
                forward(images)
    else:
        head = nn.Sequential(nn.Linear(2 * width, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
                             nn.Linear(512, 2))
        parameters = [*model.parameters(), *head.parameters()]
        optimizer = torch.optim.AdamW(parameters, lr=1e-5, weight_decay=0.05)
        criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        pairs = torch.randint(0, side * side, (2, batch, 64))
        rows, columns = pairs // side, pairs % side
        target = torch.stack([(rows[0] - rows[1]).abs(), (columns[0] - columns[1]).abs()], -1) / side
        model.train()

        def one():
            grid, logits = forward(images)
            picked = [torch.gather(grid, 1, p[..., None].expand(-1, -1, width)) for p in pairs]
            answer = head(torch.cat(picked, -1))
            loss = criterion(logits, labels) + 0.1 * (answer - target).abs().sum(-1).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 5.0)
            optimizer.step()

    for _ in range(2):
        one()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        one()
        times.append(time.perf_counter() - began)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": times, "peak_memory_bytes": memory}))


class Runner:
    def __init__(self, tool):
        self.fastest, self.memory, self.share, self.tool = math.inf, 0, 0, tool

    def turn(self, command):
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            print(f"  {self.tool} failed: {run.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return
        result = json.loads(run.stdout[run.stdout.index("{"):])
        self.fastest = min(self.fastest, *result["seconds"])
        self.memory = max(self.memory, result["peak_memory_bytes"])
        self.share = max(self.share, result.get("share_of_roof", 0))


def compare(o, network, work, batch, size):
    ours = Runner("vtkit")
    peers = {v: Runner(v) for v in o.variants}
    rounds = max(o.rounds, 12 // batch) if work == "predict" else o.rounds
    best = None
    for turn in range(o.turns):
        command = [o.vtkit, "bench", work, "--model", network, "--batch", str(batch), "--threads",
                   str(o.threads), "--rounds", str(rounds), "--json"]
        command += ["--simd", "avx2"] if o.avx2 else []
        ours.turn(command + (["--image-size", str(size)] if size != 224 else []))
        for variant, peer in peers.items():
            if best in (None, variant):
                peer.turn([sys.executable, __file__, o.vtkit, "--peer", variant, "--peer-work", work,
                           "--networks", network, "--batch", str(batch), "--rounds", str(rounds), "--image-size",
                           str(size), "--threads", str(o.threads)])
        best = min(peers, key=lambda v: peers[v].fastest)
    peer = peers[best]
    ratio = peer.fastest / ours.fastest
    memory = ours.memory / peer.memory
    others = ", ".join(f"{v} {peers[v].fastest / peer.fastest:.2f}" for v in peers if v != best)
    print(f"| {network} | {work} {batch} | {ratio:.2f} | {memory:.2f} | {ours.share:.1%} | {ours.share / ratio:.1%} "
          f"| {best}{f' ({others})' if others else ''} |", flush=True)
    return ratio, memory


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vtkit")
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--work", nargs="+", default=["train16", "predict16", "predict1", "predict32"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    parser.add_argument("--avx2", action="store_true")
    parser.add_argument("--peer", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--peer-work", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.peer:
        torch_rounds(o.networks[0], o.peer_work, o.batch, o.image_size, o.threads, o.rounds, o.peer)
        return
    if o.avx2:  # of PyTorch's own kernels, oneDNN and MKL
        os.environ.update(ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2", MKL_ENABLE_INSTRUCTIONS="AVX2")
    print(f"{'AVX2, ' if o.avx2 else ''}{o.threads} threads, {o.image_size} px, best of {o.turns} turns of {o.rounds} rounds\n")
    print("| network | work | speed, VTKit / PyTorch | memory, VTKit / PyTorch | share of the SGEMM roof | PyTorch's "
          "| PyTorch's best form (slower ones' time) |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for item in o.work:
        work, batch = re.fullmatch(r"(train|predict)(\d+)", item).groups()
        results = [compare(o, network, work, int(batch), o.image_size) for network in o.networks]
        means = [math.exp(sum(map(math.log, column)) / len(column)) for column in zip(*results)]
        print(f"| geometric mean | {work} {batch} | {means[0]:.2f} | {means[1]:.2f} | | | |", flush=True)


if __name__ == "__main__":
    main()
