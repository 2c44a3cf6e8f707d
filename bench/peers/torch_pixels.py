#!/usr/bin/env python3
"""The peer of `seqgpu train pixels --rows` in PyTorch: the same model, the same number of updates.

    python3 bench/peers/torch_pixels.py --images F --labels F --val-images F --val-labels F --steps 2000 --log FILE

Model      nn.LSTM over the rows of the image, from zero states, then a linear layer at the last step; cross-entropy.
           With --permuted the pixels of all images are in one random order first, which the seed draws.
Update     RMSprop (rho 0.9, eps 1e-8, lr 1e-3), norm clipped to 1, batches in random order, epoch by epoch.
Start      LSTM uniform in +-1/sqrt(hidden) with 1 added to the forget bias, linear layer Xavier.  PyTorch's second bias
           stays zero: with two biases RMSprop would move their sum twice as far.

Writes JSON Lines with the keys of `seqgpu train --log`, and prints the number of trained parameters.
"""
import argparse
import gzip
import time

import numpy
import torch
from rounds import json_line
from torch import nn


def read_idx(path, dims):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as file:
        raw = file.read()
    if raw[:4] != bytes([0, 0, 8, dims]):
        raise SystemExit("torch_pixels.py: %s is something else; it must be an IDX file of %d dimensions" % (path, dims))
    sizes = [int.from_bytes(raw[4 + 4 * d:8 + 4 * d], "big") for d in range(dims)]
    return torch.from_numpy(numpy.frombuffer(raw, numpy.uint8, offset=4 + 4 * dims).reshape(sizes).copy())


class Rows(nn.Module):
    def __init__(self, inputs, hidden, classes, place):
        super().__init__()
        self.place = place  # the pixel that comes k-th; None: as they are
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, classes)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        for name, p in self.lstm.named_parameters():
            if name.startswith("bias_ih"):
                p.data[hidden:2 * hidden] += 1
            if name.startswith("bias_hh"):
                nn.init.zeros_(p)
                p.requires_grad_(False)

    def forward(self, images):
        if self.place is not None:
            images = images.flatten(1)[:, self.place].view_as(images)
        return self.linear(self.lstm(images.float() / 255)[0][:, -1])


@torch.no_grad()
def evaluate(model, images, labels):
    loss, wrong = 0.0, 0
    for at in range(0, len(images), 500):
        logits, target = model(images[at:at + 500]), labels[at:at + 500]
        loss += nn.functional.cross_entropy(logits, target, reduction="sum").item()
        wrong += (logits.argmax(1) != target).sum().item()
    return loss / len(images), wrong / len(images)


def batches(count, batch):
    while True:
        order = torch.randperm(count)
        for at in range(0, count // batch * batch, batch):
            yield order[at:at + batch]


def main():
    parser = argparse.ArgumentParser(description="images row by row in PyTorch, as `seqgpu train pixels --rows` reads them")
    for name in ("images", "labels", "val-images", "val-labels", "log"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--permuted", action="store_true")
    parser.add_argument("--eval-every", type=int, default=200)
    parser.add_argument("--eval-size", type=int, default=0, help="images per validation; 0 = all")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--clip", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    images, labels = read_idx(args.images, 3), read_idx(args.labels, 1).long()
    val_images, val_labels = read_idx(args.val_images, 3), read_idx(args.val_labels, 1).long()
    if args.eval_size:
        val_images, val_labels = val_images[:args.eval_size], val_labels[:args.eval_size]
    place = torch.randperm(images[0].numel()) if args.permuted else None
    model = Rows(images.shape[2], args.hidden, int(labels.max()) + 1, place)
    trained = [p for p in model.parameters() if p.requires_grad]
    print(sum(p.numel() for p in trained), flush=True)
    optimizer = torch.optim.RMSprop(trained, lr=args.lr, alpha=0.9, eps=1e-8)
    start, sum_loss, since = time.perf_counter(), 0.0, 0
    with open(args.log, "w", encoding="utf-8") as log:
        for step, chosen in enumerate(batches(len(images), args.batch), 1):
            loss = nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(trained, args.clip)
            optimizer.step()
            sum_loss, since = sum_loss + loss.item(), since + 1
            if step % args.eval_every == 0 or step == args.steps:
                seconds = time.perf_counter() - start
                val_loss, error_rate = evaluate(model, val_images, val_labels)
                log.write(json_line({"step": step, "loss": sum_loss / since, "val_loss": val_loss,
                                     "val_error_rate": error_rate, "grad_norm": norm.item(), "lr": args.lr,
                                     "tokens_per_s": step * args.batch * images.shape[1] / seconds,
                                     "elapsed_s": seconds}))
                log.flush()
                sum_loss, since = 0.0, 0
            if step == args.steps:
                break


main()
