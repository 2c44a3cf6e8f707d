#!/usr/bin/env python3
"""The peer of `seqgpu train translate` in PyTorch: the same model, batches of the same kind, the same number of updates.

    python3 bench/peers/torch_translate.py --data DE EN --val-data DE EN --test-data DE EN --epochs 5 --log FILE

Model      embeddings, a bidirectional nn.LSTM over the source, nn.LSTM over the target's words before, which begins with what a
           linear layer and tanh make of the first one's last states; additive attention of all its outputs, tanh of a linear layer
           over output and context, a linear layer; dropout of the embeddings and before the last layer.
Update     Adam (fused), its rate falling along half a cosine, norm clipped to 5; pairs are shuffled, sorted by length in pools of 50
           batches, and the batches shuffled.
Start      LSTM uniform in +-1/sqrt(hidden) with 1 added to the forget bias, words uniform in +-0.1, linear layers Xavier.
           PyTorch's second bias stays zero: with two biases Adam would move their sum twice as far.
Words      tokens of mteval-v13a in small letters; what training has once is <unk>, and never written.
BLEU       sacrebleu's, of the likeliest word after each other.

Writes JSON Lines with the keys of `seqgpu train --log`, and prints the number of parameters.  Needs torch and sacrebleu.
"""
import argparse
import gzip
import math
import time
from collections import Counter

import torch
from rounds import json_line
from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

POOL, UNKNOWN, LONGEST = 50, 0, 50
TOKENS = Tokenizer13a()


def read_pairs(paths):
    sides = []
    for path in paths:
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
            sides.append([TOKENS(line.rstrip("\n").lower()).split() for line in file])
    return list(zip(*sides))


def numbered(sentences):
    counts = Counter(word for sentence in sentences for word in sentence)
    words = sorted((w for w, n in counts.items() if n > 1), key=lambda w: (-counts[w], w.encode()))
    return {word: i for i, word in enumerate(words, 1)}


def start_lstm(lstm):
    with torch.no_grad():
        for name, p in lstm.named_parameters():
            if name.startswith("bias_ih"):
                p[lstm.hidden_size:2 * lstm.hidden_size] += 1
            if name.startswith("bias_hh"):
                p.zero_()
                p.requires_grad_(False)


class Translator(nn.Module):
    def __init__(self, source, target, args):
        super().__init__()
        size, hidden, attention = args.word_size, args.hidden, args.attention_size
        self.source, self.target = nn.Embedding(source, size), nn.Embedding(target + 1, size, padding_idx=target)
        self.encoder, self.decoder = nn.LSTM(size, hidden, bidirectional=True), nn.LSTM(size, hidden)
        self.bridges = nn.ModuleList([nn.Linear(2 * hidden, hidden), nn.Linear(2 * hidden, hidden)])
        self.memory, self.query = nn.Linear(2 * hidden, attention, bias=False), nn.Linear(hidden, attention, bias=False)
        self.v, self.reader = nn.Linear(attention, 1, bias=False), nn.Linear(3 * hidden, hidden)
        self.output, self.dropout = nn.Linear(hidden, target + 1), nn.Dropout(args.dropout)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.source.weight.uniform_(-0.1, 0.1)
            self.target.weight[:target].uniform_(-0.1, 0.1)
        start_lstm(self.encoder)
        start_lstm(self.decoder)

    def read(self, source, lengths):
        packed = pack_padded_sequence(self.dropout(self.source(source)), lengths, enforce_sorted=False)
        values, last = self.encoder(packed)
        values = pad_packed_sequence(values)[0]
        state = tuple(torch.tanh(bridge(torch.cat((s[0], s[1]), 1))).unsqueeze(0) for bridge, s in zip(self.bridges, last))
        hidden = torch.arange(len(source))[:, None] >= lengths[None]
        return values, self.memory(values), hidden, state

    def write(self, before, values, keys, hidden, state):
        h, state = self.decoder(self.dropout(self.target(before)), state)
        scores = self.v(torch.tanh(self.query(h)[:, None] + keys[None])).squeeze(3)  # [T,S,B]
        weights = scores.masked_fill(hidden[None], -math.inf).softmax(1)
        context = torch.einsum("tsb,sbe->tbe", weights, values)
        return self.output(self.dropout(torch.tanh(self.reader(torch.cat((h, context), 2))))), state


class Batches:
    def __init__(self, pairs):
        self.source, self.target = (numbered([pair[side] for pair in pairs]) for side in (0, 1))
        self.words, self.end = ["<unk>"] + list(self.target), len(self.target) + 1

    def make(self, pairs):
        source = [torch.tensor([self.source.get(w, UNKNOWN) for w in s]) for s, _ in pairs]
        target = [torch.tensor([self.target.get(w, UNKNOWN) for w in t] + [self.end]) for _, t in pairs]
        before = [torch.cat((torch.tensor([self.end]), t[:-1])) for t in target]
        return (pad_sequence(source), torch.tensor([len(s) for s in source]), pad_sequence(before, padding_value=self.end),
                pad_sequence(target, padding_value=-100))

    def epoch(self, pairs, batch):
        order, all_batches = torch.randperm(len(pairs)).tolist(), []
        for at in range(0, len(order), POOL * batch):
            pool = sorted(order[at:at + POOL * batch], key=lambda i: -len(pairs[i][0]) - len(pairs[i][1]))
            all_batches += [pool[k:k + batch] for k in range(0, len(pool), batch)]
        for i in torch.randperm(len(all_batches)).tolist():
            yield self.make([pairs[k] for k in all_batches[i]])


@torch.no_grad()
def evaluate(model, batches, pairs, batch):
    """Loss and BLEU."""
    model.eval()
    loss, words, answers, references = 0.0, 0, [], []
    order = sorted(range(len(pairs)), key=lambda i: -len(pairs[i][0]))
    for at in range(0, len(order), batch):
        some = [pairs[i] for i in order[at:at + batch]]
        source, lengths, before, target = batches.make(some)
        memory = model.read(source, lengths)
        loss += nn.functional.cross_entropy(model.write(before, *memory)[0].flatten(0, 1), target.flatten(), reduction="sum").item()
        words += (target != -100).sum().item()
        state, word, rows = memory[3], torch.full((1, len(some)), batches.end), []
        for _ in range(2 * len(source) + 10):
            logits, state = model.write(word, *memory[:3], state)
            logits[:, :, UNKNOWN] = -math.inf
            word = logits.argmax(2)
            rows.append(word[0])
            if all((torch.stack(rows) == batches.end).any(0)):
                break
        for answer, pair in zip(torch.stack(rows, 1).tolist(), some):
            length = answer.index(batches.end) if batches.end in answer else len(answer)
            answers.append(" ".join(batches.words[w] for w in answer[:length]))
            references.append(" ".join(pair[1]))
    model.train()
    return loss / words, BLEU(tokenize="none", force=True).corpus_score(answers, [references]).score


def main():
    parser = argparse.ArgumentParser(description="translation in PyTorch, as `seqgpu train translate` does it")
    for name in ("data", "val-data", "test-data"):
        parser.add_argument("--" + name, required=True, nargs=2)
    parser.add_argument("--log", required=True)
    parser.add_argument("--epochs", type=int, default=5)
    for name, size in (("word-size", 256), ("attention-size", 256), ("hidden", 256), ("batch", 64)):
        parser.add_argument("--" + name, type=int, default=size)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--smoothing", type=float, default=0.0)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--clip", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    train, val, test = (read_pairs(paths) for paths in (args.data, args.val_data, args.test_data))
    train = [pair for pair in train if max(map(len, pair)) <= LONGEST]
    batches = Batches(train)
    model = Translator(len(batches.source) + 1, len(batches.words), args)
    trained = [p for p in model.parameters() if p.requires_grad]
    print(sum(p.numel() for p in trained) - args.word_size, flush=True)  # the vector before the first word stays 0
    optimizer = torch.optim.Adam(trained, lr=args.lr, fused=True)
    step, words, seconds = 0, 0, 0.0
    updates = args.epochs * -(-len(train) // args.batch)
    with open(args.log, "w", encoding="utf-8") as log:
        for _ in range(args.epochs):
            total, start = 0.0, time.perf_counter()
            for count, (source, lengths, before, target) in enumerate(batches.epoch(train, args.batch), 1):
                rate = 0.5 * args.lr * (1 + math.cos(math.pi * (step + count - 1) / updates))
                for group in optimizer.param_groups:
                    group["lr"] = rate
                logits, _ = model.write(before, *model.read(source, lengths))
                loss = nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), label_smoothing=args.smoothing)
                optimizer.zero_grad()
                loss.backward()
                norm = nn.utils.clip_grad_norm_(trained, args.clip)
                optimizer.step()
                total += loss.item()
                words += (target != -100).sum().item()
            step, seconds = step + count, seconds + time.perf_counter() - start
            val_loss, bleu = evaluate(model, batches, val, args.batch)
            log.write(json_line({"step": step, "loss": total / count, "val_loss": val_loss, "val_one_minus_bleu": 1 - bleu / 100,
                                 "grad_norm": norm.item(), "lr": rate, "tokens_per_s": words / seconds, "elapsed_s": seconds}))
            log.flush()
        test_loss, bleu = evaluate(model, batches, test, args.batch)
        log.write(json_line({"test_loss": test_loss, "test_bleu": bleu, "test_perplexity": math.exp(test_loss)}))


if __name__ == "__main__":
    main()
