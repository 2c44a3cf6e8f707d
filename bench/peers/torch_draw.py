#!/usr/bin/env python3
"""The peer of `seqgpu train draw` in PyTorch: the same model, batches of the same kind, the same number of updates.

    python3 bench/peers/torch_draw.py --data FILE --val-data FILE --test-data FILE --epochs 6 --log FILE

Model      nn.LSTM over the points, each layer reading the last point and the layer below, and a linear layer over all of them: a mixture
           of Gaussians for the next point, and whether the pen is lifted there (Graves 2013).
Update     Adam (fused), its rate falling along half a cosine, norm clipped to 5; drawings are shuffled, sorted by length in pools of
           50 batches, and the batches shuffled.
Start      LSTM uniform in +-1/sqrt(hidden) with 1 added to the forget bias, linear layer Xavier.  PyTorch's second bias stays zero.
Offsets    are divided by the root of their mean square in the training set.

Writes JSON Lines with the keys of `seqgpu train --log`, and prints the number of trained parameters.
"""
import argparse
import math
import time

import torch
from rounds import json_line
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch_tag import batches, start_lstm


def read_strokes(path):
    with open(path, encoding="ascii") as file:
        return [torch.tensor([[float(n) for n in point.split(",")] for point in line.split()]) for line in file if line.strip()]


class Drawer(nn.Module):
    def __init__(self, args):
        super().__init__()
        inputs = [3] + [3 + args.hidden] * (args.layers - 1)
        self.layers = nn.ModuleList(nn.LSTM(size, args.hidden) for size in inputs)
        self.output = nn.Linear(args.layers * args.hidden, 1 + 6 * args.mixtures)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        for layer in self.layers:
            start_lstm(layer)

    def forward(self, x):
        outputs = []
        for layer in self.layers:  # padding comes behind the points, so that none of them reads it
            outputs.append(layer(torch.cat([*outputs[-1:], x], 2))[0])
        return self.output(torch.cat(outputs, 2))


def losses(y, points):
    """The negative log-density of each point [T,B]."""
    e, (p, mx, my, sx, sy, r) = y[..., 0], y[..., 1:].chunk(6, -1)
    rho = torch.tanh(r)
    log_c = 2 * (r.abs() + torch.log1p(torch.exp(-2 * r.abs())) - math.log(2))  # of 1 / (1 - rho^2)
    a, b = (points[..., :1] - mx) * torch.exp(-sx), (points[..., 1:2] - my) * torch.exp(-sy)
    log_density = -math.log(2 * math.pi) - sx - sy + 0.5 * (log_c - a * a - torch.exp(log_c) * (b - rho * a) ** 2)
    place = torch.logsumexp(torch.log_softmax(p, -1) + log_density, -1)
    return nn.functional.binary_cross_entropy_with_logits(e, points[..., 2], reduction="none") - place


def batch_loss(model, drawings):
    """The sum over all points of drawings side by side, and how many there are."""
    x = pad_sequence(drawings)
    lengths = torch.tensor([len(d) for d in drawings])
    before = torch.cat((torch.zeros_like(x[:1]), x[:-1]))
    real = torch.arange(len(x)).unsqueeze(1) < lengths
    return losses(model(before), x)[real].sum(), lengths.sum().item()


@torch.no_grad()
def evaluate(model, drawings, batch):
    order = sorted(range(len(drawings)), key=lambda i: -len(drawings[i]))
    sums = [batch_loss(model, [drawings[i] for i in order[at:at + batch]]) for at in range(0, len(order), batch)]
    return sum(loss.item() for loss, _ in sums) / sum(points for _, points in sums)


def learn(model, args, train, batch_loss, validate, metric, log):
    """Trains for args.epochs, and writes a line after each; batch_loss says the sum over a batch and how many terms it has."""
    trained = [p for p in model.parameters() if p.requires_grad]
    print(sum(p.numel() for p in trained), flush=True)
    optimizer = torch.optim.Adam(trained, lr=args.lr, fused=True)
    step, terms, seconds = 0, 0, 0.0
    updates = args.epochs * -(-len(train) // args.batch)
    for _ in range(args.epochs):
        total, start = 0.0, time.perf_counter()
        for count, sequences in enumerate(batches(train, args.batch), 1):
            rate = 0.5 * args.lr * (1 + math.cos(math.pi * (step + count - 1) / updates))
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss, size = batch_loss(model, sequences)
            loss = loss / size
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(trained, args.clip)
            optimizer.step()
            total += loss.item()
            terms += size
        step, seconds = step + count, seconds + time.perf_counter() - start
        val_loss = validate()
        log.write(json_line({"step": step, "loss": total / count, "val_loss": val_loss, "val_" + metric: val_loss, "grad_norm": norm.item(),
                             "lr": rate, "tokens_per_s": terms / seconds, "elapsed_s": seconds}))
        log.flush()


def main():
    parser = argparse.ArgumentParser(description="pen strokes in PyTorch, as `seqgpu train draw` does it")
    for name in ("data", "val-data", "test-data", "log"):
        parser.add_argument("--" + name, required=True)
    for name, size in (("epochs", 10), ("hidden", 256), ("layers", 1), ("mixtures", 20), ("batch", 32), ("threads", 1), ("seed", 1)):
        parser.add_argument("--" + name, type=int, default=size)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--clip", type=float, default=5.0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    train, val, test = (read_strokes(path) for path in (args.data, args.val_data, args.test_data))
    deviation = torch.cat(train)[:, :2].double().square().mean().sqrt().item()
    for drawing in (*train, *val, *test):
        drawing[:, :2] /= deviation
    model = Drawer(args)
    with open(args.log, "w", encoding="utf-8") as log:
        learn(model, args, train, batch_loss, lambda: evaluate(model, val, args.batch), "nats_per_point", log)
        log.write(json_line({"test_nats_per_point": evaluate(model, test, args.batch)}))


if __name__ == "__main__":
    main()
