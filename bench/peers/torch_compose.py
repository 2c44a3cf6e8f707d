#!/usr/bin/env python3
"""The peer of `seqgpu train compose` in PyTorch: the same model, batches of the same kind, the same number of updates.

    python3 bench/peers/torch_compose.py --data FILE --val-data FILE --test-data FILE --epochs 60 --log FILE

Model      nn.LSTM over the steps of a piece, each of which is the 88 keys that sounded a step before, and a linear layer: how probable
           each key is; dropout before that.  With --recurrent-dropout the products see h with a mask, one for a whole piece (Gal,
           Ghahramani 2016); nn.LSTM has no such thing, so its steps are then taken here, with its weights.
Update     Adam (fused), its rate falling along half a cosine, norm clipped to 5; pieces are shuffled, sorted by length in pools of
           50 batches, and the batches shuffled.
Start      LSTM uniform in +-1/sqrt(hidden) with 1 added to the forget bias, linear layer Xavier.  PyTorch's second bias stays zero.

The test set is measured with the model of the epoch that validates best.  Writes JSON Lines with the keys of `seqgpu train --log`, and
prints the number of trained parameters.
"""
import argparse
import copy
import gzip
import math

import torch
from rounds import json_line
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch_draw import learn
from torch_tag import start_lstm

KEYS = 88


def read_rolls(path):
    """[T,88] of each piece, a line each: steps with spaces between, of keys with commas between, or - for silence."""
    pieces = []
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="ascii") as file:
        for steps in (line.split() for line in file):
            piece = torch.zeros(len(steps), KEYS)
            for row, step in zip(piece, steps):
                row[[int(key) for key in step.split(",") if key != "-"]] = 1
            if steps:
                pieces.append(piece)
    return pieces


class Composer(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.rnn = nn.LSTM(KEYS, args.hidden)
        self.output = nn.Linear(args.hidden, KEYS)
        self.dropout, self.recurrent_dropout = nn.Dropout(args.dropout), args.recurrent_dropout
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        start_lstm(self.rnn)

    def masked(self, x):
        """The outputs of the LSTM [T,B,H], whose products see h with one mask for all steps."""
        keep = 1 - self.recurrent_dropout
        h = c = x.new_zeros(x.shape[1], self.rnn.hidden_size)
        mask = torch.bernoulli(torch.full_like(h, keep)) / keep
        weight, outputs = self.rnn.weight_hh_l0.t(), []
        for given in nn.functional.linear(x, self.rnn.weight_ih_l0, self.rnn.bias_ih_l0):
            i, f, g, o = torch.addmm(given, h * mask, weight).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs)

    def forward(self, x):  # padding comes behind the steps, so that none of them reads it
        h = self.masked(x) if self.training and self.recurrent_dropout > 0 else self.rnn(x)[0]
        return self.output(self.dropout(h))


def batch_loss(model, pieces):
    """The sum over all steps of pieces side by side, and how many there are."""
    x = pad_sequence(pieces)
    lengths = torch.tensor([len(p) for p in pieces])
    real = torch.arange(len(x)).unsqueeze(1) < lengths
    logits = model(torch.cat((torch.zeros_like(x[:1]), x[:-1])))
    losses = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(2)
    return losses[real].sum(), lengths.sum().item()


@torch.no_grad()
def evaluate(model, pieces, batch):
    model.eval()
    order = sorted(pieces, key=len)
    sums = [batch_loss(model, order[at:at + batch]) for at in range(0, len(order), batch)]
    model.train()
    return sum(loss.item() for loss, _ in sums) / sum(steps for _, steps in sums)


def parse():
    parser = argparse.ArgumentParser(description="polyphonic music in PyTorch, as `seqgpu train compose` does it")
    for name in ("data", "val-data", "test-data", "log"):
        parser.add_argument("--" + name, required=True)
    for name, size in (("epochs", 10), ("hidden", 200), ("batch", 4), ("threads", 1), ("seed", 1)):
        parser.add_argument("--" + name, type=int, default=size)
    for name, value in (("dropout", 0.4), ("recurrent-dropout", 0.0), ("lr", 3e-3), ("clip", 5.0)):
        parser.add_argument("--" + name, type=float, default=value)
    return parser.parse_args()


def main():
    args = parse()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    train, val, test = (read_rolls(path) for path in (args.data, args.val_data, args.test_data))
    model = Composer(args)
    best = [math.inf, None]

    def validate():
        loss = evaluate(model, val, args.batch)
        if loss < best[0]:
            best[:] = loss, copy.deepcopy(model.state_dict())
        return loss

    with open(args.log, "w", encoding="utf-8") as log:
        learn(model, args, train, batch_loss, validate, "nats_per_step", log)
        model.load_state_dict(best[1])
        log.write(json_line({"test_nats_per_step": evaluate(model, test, args.batch)}))


if __name__ == "__main__":
    main()
