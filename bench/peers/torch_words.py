#!/usr/bin/env python3
"""The peer of `seqgpu train charlm --tokens words` in PyTorch: the same model, pieces of text, and updates.

    python3 bench/peers/torch_words.py --text FILE --test-text FILE --epochs 6 --log FILE
    python3 bench/peers/torch_words.py --text FILE --time 50          only milliseconds an update

Model      embedding -> dropout -> LSTM, dropout between its layers -> dropout -> linear layer with the embedding's
           weights -> cross-entropy, the mean over the T x B predictions of a piece.
Text       tokens are words and single marks, each with the space before it, and other white space one by one; the
           most frequent of the whole text have numbers, the others are <unk>, after a space if one stands before them.
           The last --val-fraction validates; the rest is cut into --batch streams that are read side by side in pieces
           of --seq-len steps; states are carried on, and reset where an epoch begins.
Update     Adam (fused) at a rate that rises to --lr in --lr-warmup updates and then falls along a cosine, norm clipped to 5.
Start      LSTM uniform in +-1/sqrt(hidden), embedding within 0.1 of 0.  PyTorch's second bias stays zero: with two biases
           Adam would move their sum twice as far.

Writes JSON Lines with the keys of `seqgpu train --log`, and prints the number of trained parameters.  The test text is
measured with the weights of the lowest validation loss, as `--keep-best` keeps them.
"""
import argparse
import copy
import math
import re
import statistics
import time
from collections import Counter

import torch
from rounds import json_line
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from torch_charlm import detached, evaluate, pieces
from torch_tag import ranked

WORD = re.compile(r" ?(?:[A-Za-z0-9'\u0080-\U0010ffff]+|[^\s])|\s")


class WordLM(nn.Module):
    def __init__(self, vocab, args):
        super().__init__()
        self.embedding = nn.Embedding(vocab, args.hidden)
        self.lstm = nn.LSTM(args.hidden, args.hidden, args.layers, dropout=args.dropout)
        self.linear = nn.Linear(args.hidden, vocab)
        self.linear.weight = self.embedding.weight
        self.read, self.wrote = nn.Dropout(args.embedding_dropout), nn.Dropout(args.dropout)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.zeros_(self.linear.bias)
        for name, p in self.lstm.named_parameters():
            if name.startswith("bias_hh"):
                nn.init.zeros_(p)
                p.requires_grad_(False)

    def forward(self, ids, state):
        y, state = self.lstm(self.read(self.embedding(ids)), state)
        return self.linear(self.wrote(y)), state


def tokens_of(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return WORD.findall(file.read())


class Vocabulary:
    """<unk>, the space, and the most frequent others; a word that it has only without the space before it is two tokens."""

    def __init__(self, tokens, limit):
        counts = Counter(tokens)
        counts.pop(" ", None)
        self.number = {w: i for i, w in enumerate(["", " "] + ranked(counts)[:limit - 2])}

    def encode(self, tokens):
        ids = []
        for w in tokens:
            if w not in self.number and w[0] == " ":
                ids.append(1)
                w = w[1:]
            ids.append(self.number.get(w, 0))
        return torch.tensor(ids)


def streams_of(ids, batch):
    """[length + 1, batch]: the predictions shared out evenly, -1 beyond the end of a stream."""
    each, rest = divmod(len(ids) - 1, batch)
    starts = [b * each + min(b, rest) for b in range(batch + 1)]
    return pad_sequence([ids[a:b + 1] for a, b in zip(starts, starts[1:])], padding_value=-1)


def evaluated(model, ids, seq_len):
    """Mean loss, in as many streams as `seqgpu eval` takes."""
    model.eval()
    loss = evaluate(model, streams_of(ids, max(1, min(50, (len(ids) - 1) // 1000))), seq_len)
    model.train()
    return loss


def update(model, trained, optimizer, x, target, state, clip):
    logits, state = model(x.clamp(min=0), detached(state))
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-1)
    optimizer.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(trained, clip)
    optimizer.step()
    return loss.item(), norm.item(), state


def time_updates(model, trained, optimizer, train, args):
    times, state = [], None
    for count, (x, target) in enumerate(pieces(train, args.seq_len, whole=True)):
        start = time.perf_counter()
        _, _, state = update(model, trained, optimizer, x, target, state, args.clip)
        if count >= 3:  # the first updates allocate
            times.append(1e3 * (time.perf_counter() - start))
        if len(times) == args.time:
            break
    print(json_line({"updates": len(times), "median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times)}), end="")


def rate_at(step, warmup, last):
    """Rises in the first updates, then falls along a cosine: `--lr-warmup`, and `--lr-schedule cosine --lr-every LAST`."""
    return (step + 1) / warmup if step < warmup else (1 + math.cos(math.pi * (step - warmup) / last)) / 2


def train_epochs(model, trained, optimizer, train, val, args):
    """The weights of the lowest validation loss."""
    per_epoch = -(-(len(train) - 1) // args.seq_len)
    last, step, tokens, seconds, best, weights = per_epoch * args.epochs, 0, 0, 0.0, float("inf"), None
    with open(args.log, "w", encoding="utf-8") as log:
        for _ in range(args.epochs):
            state = None
            for x, target in pieces(train, args.seq_len, whole=False):
                start = time.perf_counter()
                for group in optimizer.param_groups:
                    group["lr"] = args.lr * rate_at(step, args.lr_warmup, last)
                loss, norm, state = update(model, trained, optimizer, x, target, state, args.clip)
                step, tokens, seconds = step + 1, tokens + x.numel(), seconds + time.perf_counter() - start
                if step % args.eval_every and step != last:
                    continue
                val_loss = evaluated(model, val, args.seq_len)
                if val_loss < best:
                    best, weights = val_loss, copy.deepcopy(model.state_dict())
                log.write(json_line({"step": step, "loss": loss, "val_loss": val_loss, "grad_norm": norm, "lr": group["lr"],
                                     "tokens_per_s": tokens / seconds, "elapsed_s": seconds}))
                log.flush()
    return weights


def main():
    parser = argparse.ArgumentParser(description="a model of words in PyTorch, as `seqgpu train charlm` trains it")
    parser.add_argument("--text", required=True)
    for name in ("test-text", "log"):
        parser.add_argument("--" + name)
    for name, value in (("epochs", 6), ("layers", 2), ("hidden", 200), ("seq-len", 35), ("batch", 20), ("vocab-limit", 10000),
                        ("eval-every", 392), ("lr-warmup", 400), ("threads", 1), ("seed", 1), ("time", 0)):
        parser.add_argument("--" + name, type=int, default=value)
    for name, value in (("dropout", 0.25), ("embedding-dropout", 0.1), ("lr", 1.5e-3), ("clip", 5.0), ("val-fraction", 0.1178)):
        parser.add_argument("--" + name, type=float, default=value)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    text = tokens_of(args.text)
    vocab = Vocabulary(text, args.vocab_limit)
    ids = vocab.encode(text)
    val_count = int(len(ids) * args.val_fraction)
    train, val = streams_of(ids[:-val_count], args.batch), ids[-val_count:]
    model = WordLM(len(vocab.number), args)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=args.lr, fused=True)
    if args.time:
        time_updates(model, trained, optimizer, train, args)
        return
    print(sum(p.numel() for p in trained), flush=True)
    model.load_state_dict(train_epochs(model, trained, optimizer, train, val, args))
    test = vocab.encode(tokens_of(args.test_text))
    test_loss = evaluated(model, test, args.seq_len)
    with open(args.log, "a", encoding="utf-8") as log:
        log.write(json_line({"test_loss": test_loss, "test_perplexity": math.exp(test_loss)}))


if __name__ == "__main__":
    main()
