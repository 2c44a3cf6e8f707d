#!/usr/bin/env python3
"""The peer of `seqgpu train charlm` in PyTorch: the same model, pieces of text and updates.

    python3 bench/peers/torch_charlm.py --text FILE --epochs 2
    seqgpu train charlm --text FILE --layers 2 --hidden 128 --embedding 128 --seq-len 50 --batch 50 --epochs 2

Model      embedding -> LSTM -> linear -> cross-entropy (mean over the T x B predictions of a piece).
Text       characters; the last 10 % validate; the rest is cut into `batch` streams that are read in parallel, in
           pieces of `seq-len` steps; states are carried from piece to piece and reset at the start of an epoch.
Update     RMSprop (rho --decay, eps 1e-8, lr --lr, times 0.97 after each epoch from the 10th on), norm clipped to --clip.
Start      LSTM uniform in +-1/sqrt(hidden) with 1 added to the forget bias, embedding +-0.1, linear layer Xavier.
           The second bias of PyTorch's LSTM stays zero: with two biases RMSprop would move their sum twice as far.

Prints JSON Lines: one per epoch (val_loss in nats, tokens_per_s of the training), or with --time a single one with
milliseconds per update.  With --log FILE it prints the number of trained parameters instead, and writes a line every
--eval-every updates, with the keys of `seqgpu train --log`.
"""
import argparse
import math
import statistics
import time

import torch
from rounds import json_line
from torch import nn

VAL_STREAM = 1000  # the least characters in a validation stream; at most 50 streams


class CharLM(nn.Module):
    def __init__(self, vocab, layers, hidden, embedding):
        super().__init__()
        self.embedding = nn.Embedding(vocab, embedding)
        self.lstm = nn.LSTM(embedding, hidden, layers)
        self.linear = nn.Linear(hidden, vocab)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        for name, p in self.lstm.named_parameters():  # the weights are uniform in +-1/sqrt(hidden) already
            if name.startswith("bias_ih"):
                p.data[hidden:2 * hidden] += 1
            if name.startswith("bias_hh"):
                nn.init.zeros_(p)
                p.requires_grad_(False)

    def forward(self, ids, state):
        y, state = self.lstm(self.embedding(ids), state)
        return self.linear(y), state


def cut(ids, batch, length):
    """[length + 1, batch] time-major; -1 beyond the end."""
    padded = torch.full((batch * length + 1,), -1, dtype=torch.long)
    count = min(len(ids), len(padded))
    padded[:count] = ids[:count]
    return torch.stack([padded[b * length:b * length + length + 1] for b in range(batch)], 1)


def pieces(streams, seq_len, whole):
    """(inputs, targets) of each piece in turn; `whole`: without a last piece that is shorter."""
    last = len(streams) - 1
    for t in range(0, last - seq_len + 1 if whole else last, seq_len):
        end = min(t + seq_len, last)
        yield streams[t:end], streams[t + 1:end + 1]


def detached(state):
    return None if state is None else tuple(s.detach() for s in state)


@torch.no_grad()
def evaluate(model, streams, seq_len):
    loss, count, state = 0.0, 0, None
    for x, target in pieces(streams, seq_len, whole=False):
        logits, state = model(x.clamp(min=0), state)
        loss += nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-1,
                                            reduction="sum").item()
        count += (target >= 0).sum().item()
    return loss / count


def update(model, optimizer, x, target, state, clip):
    logits, state = model(x, detached(state))
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], clip)
    optimizer.step()
    return loss, state


def time_updates(model, optimizer, train, args):
    times, state = [], None
    while len(times) < args.time + 3:
        for x, target in pieces(train, args.seq_len, whole=True):
            start = time.perf_counter()
            _, state = update(model, optimizer, x, target, state, args.clip)
            times.append(1e3 * (time.perf_counter() - start))
            if len(times) == args.time + 3:
                break
    times = times[3:]  # the first updates allocate
    median = statistics.median(times)
    print(json_line({"updates": len(times), "median_ms": round(median, 3), "min_ms": round(min(times), 3),
                     "max_ms": round(max(times), 3),
                     "tokens_per_s": round(1e3 * args.seq_len * args.batch / median)}), end="", flush=True)


class Log:
    """The lines of --log; what validation takes is not in their times."""

    def __init__(self, model, val, args):
        self.model, self.val, self.args = model, val, args
        self.file = open(args.log, "w", encoding="utf-8") if args.log else None
        self.start, self.paused, self.sum_loss, self.since = time.perf_counter(), 0.0, 0.0, 0
        if self.file:
            print(sum(p.numel() for p in model.parameters() if p.requires_grad), flush=True)

    def add(self, step, loss, last):
        self.sum_loss, self.since = self.sum_loss + loss, self.since + 1
        if self.file is None or (step % self.args.eval_every and not last):
            return
        now = time.perf_counter()
        val_loss = evaluate(self.model, self.val, self.args.seq_len)
        seconds = now - self.start - self.paused
        self.paused += time.perf_counter() - now
        self.file.write(json_line({"step": step, "loss": self.sum_loss / self.since, "val_loss": val_loss,
                                   "val_bits_per_char": val_loss / math.log(2), "lr": self.args.lr,
                                   "tokens_per_s": step * self.args.seq_len * self.args.batch / seconds,
                                   "elapsed_s": seconds}))
        self.file.flush()
        self.sum_loss, self.since = 0.0, 0


def train_epochs(model, optimizer, train, val, args):
    step, epoch = 0, 0
    per_epoch = (len(train) - 1) // args.seq_len
    last = args.steps if args.steps else args.epochs * per_epoch
    log = Log(model, val, args)
    while step < last:
        state, start, begun = None, time.perf_counter(), step
        for group in optimizer.param_groups:
            group["lr"] = args.lr * 0.97 ** max(0, epoch - 9)
        for x, target in pieces(train, args.seq_len, whole=True):
            loss, state = update(model, optimizer, x, target, state, args.clip)
            step += 1
            log.add(step, loss.item(), step == last)
            if step == last:
                break
        seconds = time.perf_counter() - start
        epoch += 1
        if args.log:
            continue
        val_loss = evaluate(model, val, args.seq_len)
        print(json_line({"epoch": epoch, "step": step, "train_loss": round(loss.item(), 5),
                         "val_loss": round(val_loss, 5), "val_bpc": round(val_loss / math.log(2), 5),
                         "tokens_per_s": round((step - begun) * args.seq_len * args.batch / seconds)}), end="", flush=True)


def main():
    parser = argparse.ArgumentParser(description="a character model in PyTorch, as `seqgpu train charlm` trains it")
    parser.add_argument("--text", required=True)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="number of updates, instead of --epochs")
    parser.add_argument("--threads", type=int, default=0, help="0 = PyTorch's choice")
    parser.add_argument("--time", type=int, default=0, metavar="N", help="time N updates and do nothing else")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--embedding", type=int, default=128)
    parser.add_argument("--seq-len", type=int, default=50)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.95)
    parser.add_argument("--clip", type=float, default=5.0)
    parser.add_argument("--log", help="JSON Lines of validations")
    parser.add_argument("--eval-every", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    with open(args.text, encoding="utf-8") as file:
        text = file.read()
    number = {c: i for i, c in enumerate(sorted(set(text)))}
    ids = torch.tensor([number[c] for c in text])
    val_count = len(ids) // 10
    length = (len(ids) - val_count - 1) // args.batch
    if val_count < 2 or length < args.seq_len:
        parser.error("--text: too short for batch %d x seq-len %d" % (args.batch, args.seq_len))
    train = cut(ids[:-val_count], args.batch, length)
    batch = max(1, min(50, (val_count - 1) // VAL_STREAM))
    val = cut(ids[-val_count:], batch, (val_count - 1 + batch - 1) // batch)
    model = CharLM(len(number), args.layers, args.hidden, args.embedding)
    optimizer = torch.optim.RMSprop([p for p in model.parameters() if p.requires_grad], lr=args.lr, alpha=args.decay,
                                    eps=1e-8)
    if args.time:
        time_updates(model, optimizer, train, args)
    else:
        train_epochs(model, optimizer, train, val, args)


if __name__ == "__main__":
    main()
