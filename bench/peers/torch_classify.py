#!/usr/bin/env python3
"""The peer of `seqgpu train classify` in PyTorch: the same model, batches of the same kind, the same number of updates.

    python3 bench/peers/torch_classify.py --data FILE --val-data FILE --test-data FILE --epochs 6 --log FILE

Model      an embedding of words, a bidirectional nn.LSTM, additive attention of the sentence over its own outputs, or with --pool last the
           state where each direction ends, with mean and max those of each output over the sentence, a linear layer; dropout of what the
           LSTM and the linear layer read.
Update     Adam (fused), norm clipped to 5, with --cosine at a rate that falls along half a cosine; sentences are shuffled, sorted by
           length in pools of 50 batches, and the batches shuffled.
Start      LSTM uniform in +-1/sqrt(hidden) with 1 added to the forget bias, words uniform in +-0.1, all else Xavier.  PyTorch's second
           bias stays zero: with two biases Adam would move their sum twice as far.
Words      that training has less than --min-count times are <unk>, and of the others a share --word-dropout, drawn anew in each update.

Writes JSON Lines with the keys of `seqgpu train --log`, and prints the number of trained parameters.  The test data are measured with
the weights of the epoch whose validation loss was the lowest, as `--keep-best` keeps them, or with --last those of the last epoch.
"""
import argparse
import copy
import math
import time
from collections import Counter

import torch
from rounds import json_line
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from torch_tag import batches, ranked, start_lstm


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return [line.split() for line in file]


class Classifier(nn.Module):
    def __init__(self, words, classes, args):
        super().__init__()
        self.pool = args.pool
        self.word = nn.Embedding(words, args.word_size)
        self.rnn = nn.LSTM(args.word_size, args.hidden, bidirectional=True)
        self.dropout = nn.Dropout(args.dropout)
        if self.pool == "attention":
            self.keys = nn.Linear(2 * args.hidden, args.attention_size, bias=False)
            self.v = nn.Linear(args.attention_size, 1, bias=False)
        self.output = nn.Linear(2 * args.hidden, classes)
        nn.init.uniform_(self.word.weight, -0.1, 0.1)
        start_lstm(self.rnn)
        for layer in (self.keys, self.v, self.output) if self.pool == "attention" else (self.output,):
            nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, lengths, word):
        x = self.dropout(self.word(word))
        y, (h, _) = self.rnn(pack_padded_sequence(x, lengths, enforce_sorted=False))
        if self.pool == "last":
            return self.output(self.dropout(torch.cat(tuple(h), 1)))
        h = pad_packed_sequence(y)[0]
        behind = (torch.arange(len(h)).unsqueeze(1) >= lengths).unsqueeze(2)
        if self.pool == "mean":
            return self.output(self.dropout(h.masked_fill(behind, 0).sum(0) / lengths.unsqueeze(1)))
        if self.pool == "max":
            return self.output(self.dropout(h.masked_fill(behind, -torch.inf).amax(0)))
        weight = self.v(torch.tanh(self.keys(h))).masked_fill(behind, -torch.inf).softmax(0)
        return self.output(self.dropout((weight * h).sum(0)))


def numbers(sentences, word, label):
    rows = [torch.tensor([word.get(w, 0) for w in s[1:]]) for s in sentences]
    return (torch.tensor([len(r) for r in rows]), pad_sequence(rows)), torch.tensor([label[s[0]] for s in sentences])


@torch.no_grad()
def evaluate(model, sentences, word, label):
    model.eval()
    loss, wrong = 0.0, 0
    for at in range(0, len(sentences), 100):
        inputs, target = numbers(sentences[at:at + 100], word, label)
        logits = model(*inputs)
        loss += nn.functional.cross_entropy(logits, target, reduction="sum").item()
        wrong += (logits.argmax(1) != target).sum().item()
    model.train()
    return loss / len(sentences), wrong / len(sentences)


def main():
    parser = argparse.ArgumentParser(description="classes of sentences in PyTorch, as `seqgpu train classify` learns them")
    for name in ("data", "val-data", "test-data", "log"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--pool", choices=("last", "attention", "mean", "max"), default="attention")
    for name, size in (("epochs", 6), ("word-size", 100), ("attention-size", 100), ("hidden", 128), ("batch", 32),
                       ("min-count", 2), ("threads", 1), ("seed", 1)):
        parser.add_argument("--" + name, type=int, default=size)
    for name, value in (("dropout", 0.5), ("word-dropout", 0.0), ("lr", 2e-3), ("clip", 5.0)):
        parser.add_argument("--" + name, type=float, default=value)
    for name in ("cosine", "last"):
        parser.add_argument("--" + name, action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    train, val, test = (read_lines(path) for path in (args.data, args.val_data, args.test_data))
    word = {w: i for i, w in enumerate(ranked(Counter(w for s in train for w in s[1:]), args.min_count), 1)}  # 0: <unk>
    label = {c: i for i, c in enumerate(ranked(Counter(s[0] for s in train)))}
    model = Classifier(len(word) + 1, len(label), args)
    trained = [p for p in model.parameters() if p.requires_grad]
    print(sum(p.numel() for p in trained), flush=True)
    optimizer = torch.optim.Adam(trained, lr=args.lr, fused=True)
    step, words, seconds, best, weights = 0, 0, 0.0, float("inf"), None
    updates = args.epochs * -(-len(train) // args.batch)
    with open(args.log, "w", encoding="utf-8") as log:
        for _ in range(args.epochs):
            total, start = 0.0, time.perf_counter()
            for count, sentences in enumerate(batches(train, args.batch), 1):
                inputs, target = numbers(sentences, word, label)
                inputs[1][torch.rand(inputs[1].shape) < args.word_dropout] = 0
                rate = 0.5 * args.lr * (1 + math.cos(math.pi * (step + count - 1) / updates)) if args.cosine else args.lr
                for group in optimizer.param_groups:
                    group["lr"] = rate
                loss = nn.functional.cross_entropy(model(*inputs), target)
                optimizer.zero_grad()
                loss.backward()
                norm = nn.utils.clip_grad_norm_(trained, args.clip)
                optimizer.step()
                total += loss.item()
                words += int(inputs[0].sum())
            step, seconds = step + count, seconds + time.perf_counter() - start
            val_loss, error_rate = evaluate(model, val, word, label)
            if val_loss < best:
                best, weights = val_loss, copy.deepcopy(model.state_dict())
            log.write(json_line({"step": step, "loss": total / count, "val_loss": val_loss, "val_error_rate": error_rate,
                                 "grad_norm": norm.item(), "lr": rate, "tokens_per_s": words / seconds, "elapsed_s": seconds}))
            log.flush()
        if not args.last:
            model.load_state_dict(weights)
        test_loss, error_rate = evaluate(model, test, word, label)
        log.write(json_line({"test_loss": test_loss, "test_error_rate": error_rate, "test_accuracy": 1 - error_rate}))


main()
