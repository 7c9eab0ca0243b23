#!/usr/bin/env python3
"""Times VTKit and PyTorch (timm) on the same work, in turns, in one run.

    compare_vit.py VTKIT [--model vit_small_patch16_224] [--batch 16] [--threads 2] [--turns 3]

Training: forward, cross-entropy with label smoothing 0.1, the drloc loss over 64 pairs a picture, backward,
clipping to norm 5, AdamW; float32. Prediction: forward. Each tool runs in a process of its own, one after the
other, `turns` times; the fastest round of each counts, and only the ratio is meant to be quoted: absolute
times belong to the machine and the moment.
"""
import argparse
import json
import resource
import subprocess
import sys
import time


def torch_rounds(what, model_name, batch, threads, rounds, compiled):
    import timm
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = timm.create_model(model_name, num_classes=1000)
    size = model.patch_embed.img_size[0]
    side = model.patch_embed.grid_size[0]
    images = torch.randn(batch, 3, size, size)
    labels = torch.randint(0, 1000, (batch,))
    prefix = model.num_prefix_tokens

    def features_and_logits(x):
        x = model.patch_embed(x)
        x = model._pos_embed(x)
        x = model.norm_pre(x)
        x = model.blocks(x)
        return x[:, prefix:], model.forward_head(model.norm(x))

    forward = torch.compile(features_and_logits) if compiled else features_and_logits
    if what == "predict":
        model.eval()

        def one():
            with torch.no_grad():
                forward(images)
    else:
        width = model.embed_dim
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
    print(json.dumps({"seconds": times, "memory": memory}))


def turn(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vtkit")
    parser.add_argument("--model", default="vit_small_patch16_224")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true", help="torch.compile the peer")
    parser.add_argument("--only", choices=["train", "predict"])
    parser.add_argument("--torch-rounds", help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.torch_rounds:
        torch_rounds(o.torch_rounds, o.model, o.batch, o.threads, o.rounds, o.compile)
        return
    print(f"{o.model}, batch {o.batch}, {o.threads} threads, best of {o.turns} x {o.rounds} in turns")
    print(f"{'':8} {'VTKit/PyTorch speed':>20} {'memory ratio':>13} {'share of SGEMM roof':>20}")
    for what in [o.only] if o.only else ["train", "predict"]:
        ours, theirs, share, memory = [], [], 0, [0, 0]
        for _ in range(o.turns):
            mine = turn([o.vtkit, "bench", what, "--model", o.model, "--batch", str(o.batch), "--threads",
                         str(o.threads), "--rounds", str(o.rounds), "--json"])
            peer = turn([sys.executable, __file__, *sys.argv[1:], "--torch-rounds", what])
            ours += mine["seconds"]
            theirs += peer["seconds"]
            share = max(share, mine["share_of_roof"])
            memory = [max(memory[0], mine["peak_memory_bytes"]), max(memory[1], peer["memory"])]
        print(f"{what:8} {min(theirs) / min(ours):20.2f} {memory[0] / memory[1]:13.2f} {share:19.1%}")


if __name__ == "__main__":
    main()
