#!/usr/bin/env python3
"""The peer of `seqgpu train transcribe` in PyTorch: the same model, strings and batches of the same kind, as many updates.

    python3 bench/peers/torch_transcribe.py --data FOLDER --epochs 12 --log FILE

Features   those of host/data/mel.h: 40 log-mel bands each 10 ms, 50 dB below the loudest, two frames a step, less their mean and divided by their
           deviation.
Model      a bidirectional nn.LSTM, dropout, a linear layer, nn.functional.ctc_loss.
Update     Adam (fused), its rate falling along half a cosine, norm clipped to 5; recordings are shuffled, sorted by length in pools of
           50 batches, and the batches shuffled.  After --single-epochs each begins a string of one to --join recordings of its speaker,
           as many in all strings of an update, of at most 6 seconds.
Start      LSTM uniform in +-1/sqrt(hidden) with 1 added to the forget bias, linear layer Xavier.  PyTorch's second bias stays zero.
Held out   recordings with numbers below --hold-out, or those of --hold-out-speaker: single, and a string of three to seven for each.
           A string's further recordings are drawn by Python, so they are others than seqgpu's.

Writes JSON Lines with the keys of `seqgpu train --log`, and prints the number of trained parameters.
"""
import argparse
import array
import math
import os
import random
import time
import wave

import torch
from rounds import json_line
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch_tag import batches, start_lstm

BANDS, STACK, SECONDS, RANGE = 40, 2, 6, 50


def mel(f):
    return 2595 * math.log10(1 + f / 700)


class Features:
    def __init__(self, rate):
        self.window, self.hop = rate // 40, rate // 100
        self.points = 1 << (self.window - 1).bit_length()
        f = torch.arange(self.points // 2 + 1, dtype=torch.float64) * rate / self.points
        edges = [700 * (10 ** (mel(rate / 2) * b / (BANDS + 1) / 2595) - 1) for b in range(BANDS + 2)]
        rows = [torch.minimum((f - left) / (middle - left), (right - f) / (right - middle)).clamp(min=0)
                for left, middle, right in zip(edges, edges[1:], edges[2:])]
        self.bank = torch.stack(rows, 1).float()
        self.hann = torch.hann_window(self.window)

    def frames(self, x):
        x = nn.functional.pad(x, (0, max(0, self.window - len(x))))
        cut = x.unfold(0, self.window, self.hop) * self.hann
        y = torch.fft.rfft(cut, self.points).abs().square() @ self.bank + 1e-6
        return torch.log(10 ** (-RANGE / 10) + y / y.max())


class Said:
    """Recordings [(digit, speaker, samples)], which can be joined."""

    def __init__(self, folder, chosen):
        self.items, self.by_speaker = [], {}
        for name in sorted(n for n in os.listdir(folder) if n.endswith(".wav")):
            digit, rest = name[:-4].split("_", 1)
            speaker, number = rest.rsplit("_", 1)
            if not chosen(speaker, int(number)):
                continue
            with wave.open(os.path.join(folder, name)) as file:
                self.rate = file.getframerate()
                samples = torch.tensor(array.array("h", file.readframes(file.getnframes())), dtype=torch.float32) / 32768
            self.by_speaker.setdefault(speaker, []).append(len(self.items))
            self.items.append((int(digit), speaker, samples))

    def string(self, first, parts, draw):
        chosen, size = [first], len(self.items[first][2])
        while len(chosen) < parts:
            chosen.append(draw.choice(self.by_speaker[self.items[first][1]]))
            size += len(self.items[chosen[-1]][2])
            if size > SECONDS * self.rate:
                chosen.pop()
                break
        return [self.items[i][0] + 1 for i in chosen], torch.cat([self.items[i][2] for i in chosen])


class Transcriber(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.rnn = nn.LSTM(STACK * BANDS, args.hidden, bidirectional=True)
        self.dropout = nn.Dropout(args.dropout)
        self.output = nn.Linear(2 * args.hidden, 11)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        start_lstm(self.rnn)

    def forward(self, x, lengths):
        h = pad_packed_sequence(self.rnn(pack_padded_sequence(x, lengths, enforce_sorted=False))[0])[0]
        return self.output(self.dropout(h)).log_softmax(2)


class Reader:
    def __init__(self, train):
        self.features = Features(train.rate)
        frames = torch.cat([self.features.frames(samples) for _, _, samples in train.items])
        self.mean, self.deviation = frames.mean(0), frames.std(0)

    def steps(self, samples):
        x = (self.features.frames(samples) - self.mean) / self.deviation
        x = nn.functional.pad(x, (0, 0, 0, -len(x) % STACK))
        return x.reshape(-1, STACK * BANDS)

    def batch(self, strings):
        steps = [self.steps(samples) for _, samples in strings]
        return pad_sequence(steps), torch.tensor([len(s) for s in steps])


def losses(model, reader, strings):
    """The loss of each string, and the logarithms of probabilities that they are of."""
    x, lengths = reader.batch(strings)
    y = model(x, lengths)
    labels = [label for label, _ in strings]
    each = nn.functional.ctc_loss(y, torch.tensor(sum(labels, [])), lengths, torch.tensor([len(label) for label in labels]),
                                  0, "none", zero_infinity=True)
    return each, y, lengths


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def best_path(y):
    best = y.argmax(1).tolist()
    return [k for before, k in zip([0] + best, best) if k not in (0, before)]


@torch.no_grad()
def evaluate(model, reader, singles, strings, batch):
    model.eval()
    loss, edits, labels, wrong = 0.0, [0, 0], [0, 0], 0
    for kind, some in enumerate((singles, strings)):
        some = sorted(some, key=lambda s: -len(s[1]))
        for at in range(0, len(some), batch):
            each, y, lengths = losses(model, reader, some[at:at + batch])
            loss += each.sum().item()
            for i, (label, _) in enumerate(some[at:at + batch]):
                apart = distance(best_path(y[:lengths[i], i]), label)
                edits[kind] += apart
                labels[kind] += len(label)
                wrong += kind == 0 and apart > 0
    model.train()
    return {"val_loss": loss / (len(singles) + len(strings)), "val_label_error_rate": sum(edits) / sum(labels),
            "recordings_wrong": wrong / len(singles), "strings_label_error_rate": edits[1] / labels[1]}


def main():
    parser = argparse.ArgumentParser(description="speech to text in PyTorch, as `seqgpu train transcribe` does it")
    for name in ("data", "log"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--hold-out-speaker", default="")
    for name, size in (("epochs", 12), ("single-epochs", 3), ("join", 7), ("hold-out", 5), ("hidden", 128), ("batch", 16), ("threads", 1),
                       ("seed", 1)):
        parser.add_argument("--" + name, type=int, default=size)
    for name, size in (("lr", 3e-3), ("clip", 5.0), ("dropout", 0.2)):
        parser.add_argument("--" + name, type=float, default=size)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    draw, fixed = random.Random(args.seed), random.Random(0)

    def is_held_out(speaker, number):
        return speaker == args.hold_out_speaker if args.hold_out_speaker else number < args.hold_out

    train = Said(args.data, lambda speaker, number: not is_held_out(speaker, number))
    val = Said(args.data, is_held_out)
    singles = [val.string(i, 1, fixed) for i in range(len(val.items))]
    strings = [val.string(i, 3 + i % 5, fixed) for i in range(len(val.items))]
    reader = Reader(train)
    model = Transcriber(args)
    trained = [p for p in model.parameters() if p.requires_grad]
    print(sum(p.numel() for p in trained), flush=True)
    optimizer = torch.optim.Adam(trained, lr=args.lr, fused=True)
    step, steps, seconds = 0, 0, 0.0
    order = [range(len(samples)) for _, _, samples in train.items]  # whose lengths are the recordings'
    place = {id(item): i for i, item in enumerate(order)}
    updates = args.epochs * -(-len(order) // args.batch)
    with open(args.log, "w", encoding="utf-8") as log:
        for epoch in range(args.epochs):
            total, start = 0.0, time.perf_counter()
            for count, chosen in enumerate(batches(order, args.batch), 1):
                rate = 0.5 * args.lr * (1 + math.cos(math.pi * (step + count - 1) / updates))
                for group in optimizer.param_groups:
                    group["lr"] = rate
                parts = draw.randint(1, args.join) if epoch >= args.single_epochs else 1
                each, _, lengths = losses(model, reader, [train.string(place[id(item)], parts, draw) for item in chosen])
                loss = each.mean()
                optimizer.zero_grad()
                loss.backward()
                norm = nn.utils.clip_grad_norm_(trained, args.clip)
                optimizer.step()
                total += loss.item()
                steps += lengths.sum().item()
            step, seconds = step + count, seconds + time.perf_counter() - start
            measured = evaluate(model, reader, singles, strings, args.batch)
            log.write(json_line({"step": step, "loss": total / count, **{k: v for k, v in measured.items() if k.startswith("val")},
                                 "grad_norm": norm.item(), "lr": rate, "tokens_per_s": steps / seconds, "elapsed_s": seconds}))
            log.flush()
        log.write(json_line({"test_" + k: v for k, v in measured.items() if not k.startswith("val")}))


if __name__ == "__main__":
    main()
