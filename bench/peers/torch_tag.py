#!/usr/bin/env python3
"""The peer of `seqgpu train tag` in PyTorch: the same model, batches of the same kind, the same number of updates.

    python3 bench/peers/torch_tag.py --data FILE --val-data FILE --test-data FILE --epochs 10 --log FILE

Model      embeddings of words and letters, a bidirectional nn.LSTM over the letters of each different word of a batch, whose last
           states stand beside the word's vector; a bidirectional nn.LSTM over the sentence, a linear layer; dropout before and after.
Update     Adam (fused), its rate falling along half a cosine, norm clipped to 5; sentences are shuffled, sorted by length in pools of
           50 batches, and the batches shuffled.
Start      LSTM uniform in +-1/sqrt(hidden) with 1 added to the forget bias, words uniform in +-0.1, letters normal, linear layer Xavier.
           PyTorch's second bias stays zero: with two biases Adam would move their sum twice as far.
Words      that training has once are <unk>, and a quarter of the others too (--word-dropout), drawn anew in each update, or of those
           that it has N times A / (A + N), where that is more (--rare-dropout A).  With --small-letters words have their vectors without
           regard to capitals, which their letters keep.  Of words longer than 32 letters the first and the last 16 are read.

Writes JSON Lines with the keys of `seqgpu train --log`, and prints the number of trained parameters.
"""
import argparse
import math
import time
from collections import Counter

import torch
from rounds import json_line
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

LETTERS, POOL = 32, 50


def read_conllu(path):
    sentences, words = [], []
    with open(path, encoding="utf-8") as file:
        for line in file:
            columns = line.rstrip("\n").split("\t")
            if len(columns) == 10 and columns[0].isdigit():
                words.append((columns[1], columns[3]))
            elif not line.strip() and words:
                sentences.append(words)
                words = []
    return sentences + ([words] if words else [])


def ranked(counts, least=1):
    return [key for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0].encode())) if count >= least]


def shortened(word):
    return word if len(word) <= LETTERS else word[:LETTERS // 2] + word[-LETTERS // 2:]


def start_lstm(lstm):
    with torch.no_grad():
        for name, p in lstm.named_parameters():
            if name.startswith("bias_ih"):
                p[lstm.hidden_size:2 * lstm.hidden_size] += 1
            if name.startswith("bias_hh"):
                p.zero_()
                p.requires_grad_(False)


class Tagger(nn.Module):
    def __init__(self, words, letters, tags, args):
        super().__init__()
        self.word = nn.Embedding(words, args.word_size)
        self.letter = nn.Embedding(letters, args.letter_size, padding_idx=0)
        self.speller = nn.LSTM(args.letter_size, args.letter_hidden, bidirectional=True)
        self.rnn = nn.LSTM(args.word_size + 2 * args.letter_hidden, args.hidden, bidirectional=True)
        self.dropout = nn.Dropout(args.dropout)
        self.output = nn.Linear(2 * args.hidden, tags)
        nn.init.uniform_(self.word.weight, -0.1, 0.1)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        start_lstm(self.speller)
        start_lstm(self.rnn)

    def forward(self, lengths, word, spelling, letter_lengths, letter):
        packed = pack_padded_sequence(self.letter(letter), letter_lengths, enforce_sorted=False)
        spelt = torch.cat(tuple(self.speller(packed)[1][0]), 1)
        x = self.dropout(torch.cat((self.word(word), spelt[spelling]), 2))
        h = pad_packed_sequence(self.rnn(pack_padded_sequence(x, lengths, enforce_sorted=False))[0])[0]
        return self.output(self.dropout(h))


class Numbers:
    """What each word, letter and tag of the training data is."""

    def __init__(self, sentences, small):
        words = Counter(word for sentence in sentences for word, _ in sentence)
        self.key = str.lower if small else str
        keys = Counter(self.key(word) for word in words.elements())
        known = ranked(keys, 2)
        self.word = {word: i for i, word in enumerate(known, 1)}  # 0: <unk>
        self.times = torch.tensor([1] + [keys[word] for word in known])
        self.letter = {c: i for i, c in enumerate(ranked(Counter(c for w in words.elements() for c in w)), 1)}  # 0: unknown
        self.tag = {tag: i for i, tag in enumerate(ranked(Counter(tag for sentence in sentences for _, tag in sentence)))}

    def batch(self, sentences):
        types = {}
        for sentence in sentences:
            for word, _ in sentence:
                types.setdefault(word, len(types))
        spelt = [torch.tensor([self.letter.get(c, 0) for c in shortened(word)]) for word in types]
        rows = [[torch.tensor(f) for f in zip(*((self.word.get(self.key(w), 0), types[w], self.tag.get(t, -1)) for w, t in s))] for s in sentences]
        word, spelling = (pad_sequence([row[i] for row in rows]) for i in (0, 1))
        tag = pad_sequence([row[2] for row in rows], padding_value=-100)
        return (torch.tensor([len(s) for s in sentences]), word, spelling, torch.tensor([len(s) for s in spelt]), pad_sequence(spelt)), tag


@torch.no_grad()
def evaluate(model, numbers, sentences, batch):
    """Loss, error rate, and the accuracy of unknown words."""
    model.eval()
    loss, wrong, words, unknown, unknown_right = 0.0, 0, 0, 0, 0
    order = sorted(range(len(sentences)), key=lambda i: -len(sentences[i]))
    for at in range(0, len(order), batch):
        inputs, tag = numbers.batch([sentences[i] for i in order[at:at + batch]])
        logits = model(*inputs)
        loss += nn.functional.cross_entropy(logits.flatten(0, 1), tag.flatten(), reduction="sum").item()
        real, right = tag != -100, logits.argmax(2) == tag
        strange = real & (inputs[1] == 0)
        words, wrong = words + real.sum().item(), wrong + (real & ~right).sum().item()
        unknown, unknown_right = unknown + strange.sum().item(), unknown_right + (strange & right).sum().item()
    model.train()
    return loss / words, wrong / words, unknown_right / max(unknown, 1)


def batches(sentences, batch):
    """Those of one epoch."""
    order, all_batches = torch.randperm(len(sentences)).tolist(), []
    for at in range(0, len(order), POOL * batch):
        pool = sorted(order[at:at + POOL * batch], key=lambda i: -len(sentences[i]))
        all_batches += [pool[k:k + batch] for k in range(0, len(pool), batch)]
    for i in torch.randperm(len(all_batches)).tolist():
        yield [sentences[k] for k in all_batches[i]]


def main():
    parser = argparse.ArgumentParser(description="part-of-speech tagging in PyTorch, as `seqgpu train tag` does it")
    for name in ("data", "val-data", "test-data", "log"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    for name, size in (("word-size", 100), ("letter-size", 25), ("letter-hidden", 25), ("hidden", 200), ("batch", 16)):
        parser.add_argument("--" + name, type=int, default=size)
    parser.add_argument("--dropout", type=float, default=0.33)
    parser.add_argument("--word-dropout", type=float, default=0.25)
    parser.add_argument("--rare-dropout", type=float, default=0.0)
    parser.add_argument("--small-letters", action="store_true")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--clip", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    train, val, test = (read_conllu(path) for path in (args.data, args.val_data, args.test_data))
    numbers = Numbers(train, args.small_letters)
    model = Tagger(len(numbers.word) + 1, len(numbers.letter) + 1, len(numbers.tag), args)
    trained = [p for p in model.parameters() if p.requires_grad]
    print(sum(p.numel() for p in trained) - args.letter_size, flush=True)  # the vector of unknown letters stays 0
    drop = (args.rare_dropout / (args.rare_dropout + numbers.times)).clamp(min=args.word_dropout)  # of each word
    optimizer = torch.optim.Adam(trained, lr=args.lr, fused=True)
    step, words, seconds = 0, 0, 0.0
    updates = args.epochs * -(-len(train) // args.batch)
    with open(args.log, "w", encoding="utf-8") as log:
        for _ in range(args.epochs):
            total, start = 0.0, time.perf_counter()
            for count, sentences in enumerate(batches(train, args.batch), 1):
                inputs, tag = numbers.batch(sentences)
                inputs[1][torch.rand(inputs[1].shape) < drop[inputs[1]]] = 0
                rate = 0.5 * args.lr * (1 + math.cos(math.pi * (step + count - 1) / updates))
                for group in optimizer.param_groups:
                    group["lr"] = rate
                loss = nn.functional.cross_entropy(model(*inputs).flatten(0, 1), tag.flatten())
                optimizer.zero_grad()
                loss.backward()
                norm = nn.utils.clip_grad_norm_(trained, args.clip)
                optimizer.step()
                total += loss.item()
                words += sum(map(len, sentences))
            step, seconds = step + count, seconds + time.perf_counter() - start
            val_loss, error_rate, _ = evaluate(model, numbers, val, args.batch)
            log.write(json_line({"step": step, "loss": total / count, "val_loss": val_loss, "val_error_rate": error_rate,
                                 "grad_norm": norm.item(), "lr": rate, "tokens_per_s": words / seconds, "elapsed_s": seconds}))
            log.flush()
        test_loss, error_rate, unknown = evaluate(model, numbers, test, args.batch)
        log.write(json_line({"test_loss": test_loss, "test_error_rate": error_rate, "test_accuracy": 1 - error_rate,
                             "test_unknown_accuracy": unknown}))


if __name__ == "__main__":
    main()
