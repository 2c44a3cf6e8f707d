#!/usr/bin/env python3
"""Writes kneser_ney.bin: probabilities of n-gram models with modified Kneser-Ney smoothing, for tests/test_kneser_ney.c.

    python3 tests/goldens/make_kneser_ney.py         needs torch on the CPU; the tests do not

By the definitions alone (host/data/kneser_ney.h), with dictionaries of tuples.  A case has the text [N], sizes [2]: how
many tokens there are and the length of the longest n-grams; contexts [C,length], -1 before one that is shorter; and
p [C,V], the probability of every token after each.  The form of the file is that of make_goldens.py, next to this one.
"""
import os
import random
from collections import Counter, defaultdict

import torch

from make_goldens import records, write

BEGINNING = -1


def counts(text, length, order):
    """c of every n-gram of a length."""
    grams = [tuple(text[i:i + length]) for i in range(len(text) - length + 1)]
    if length == order:
        return Counter(grams)
    before = defaultdict(set)
    for i, gram in enumerate(grams):
        before[gram].add(text[i - 1] if i > 0 else BEGINNING)
    return {gram: len(tokens) for gram, tokens in before.items()}


def discounts(counted):
    n = Counter(counted.values())
    try:
        y = n[1] / (n[1] + 2 * n[2])
        d = [0] + [i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3)]
    except ZeroDivisionError:
        return [0, 0.5, 1, 1.5]
    return d if all(0 <= d[i] <= i for i in (1, 2, 3)) else [0, 0.5, 1, 1.5]


class Model:
    def __init__(self, text, vocab, order):
        self.vocab, self.order = vocab, order
        self.c = {k: counts(text, k, order) for k in range(1, order + 1)}
        self.d = {k: discounts(self.c[k]) for k in self.c}

    def probability(self, context, token):
        """context: at most order - 1 tokens."""
        k = len(context) + 1
        shorter = self.probability(context[1:], token) if context else 1 / self.vocab
        after = {gram: c for gram, c in self.c[k].items() if gram[:-1] == context}
        total = sum(after.values())
        if total == 0:
            return shorter
        c = after.get(context + (token,), 0)
        taken = sum(self.d[k][min(x, 3)] for x in after.values())
        return (c - self.d[k][min(c, 3)]) / total + taken / total * shorter


def case(name, text, vocab, order, contexts):
    model = Model(text, vocab, order)
    longest = max(order - 1, 1)
    p = [[model.probability(tuple(c)[max(0, len(c) - (order - 1)):] if order > 1 else (), w) for w in range(vocab)] for c in contexts]
    assert all(abs(sum(row) - 1) < 1e-12 for row in p)
    padded = [[-1] * (longest - len(c)) + list(c)[max(0, len(c) - longest):] for c in contexts]
    for part, value in (("text", text), ("sizes", [vocab, order]), ("contexts", padded), ("p", p)):
        write(name + "/" + part, torch.tensor(value, dtype=torch.float64))


def main():
    random.seed(20261127)
    frequent = [int(12 * random.random() ** 2) for _ in range(400)]  # with repeats of every length, and one token that never comes
    for i in range(40):
        at, to = random.randrange(380), random.randrange(380)
        frequent[to:to + 7] = frequent[at:at + 7]
    contexts = [()] + [tuple(frequent[i:i + n]) for n in (1, 2, 3, 4) for i in (0, 50, 100, 390)]
    contexts += [tuple(frequent[-4:]), (12,), (0, 12), (12, 0), tuple(random.randrange(13) for _ in range(4))]
    for order in (1, 2, 3, 5):
        case("order%d" % order, frequent, 13, order, contexts)
    case("regular", [0, 1, 2] * 20, 4, 3, [(), (0,), (0, 1), (1, 0), (3, 1)])
    case("one", [2], 3, 3, [(), (2,), (2, 2)])
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "kneser_ney.bin"), "wb") as out:
        out.write(b"SQGOLD1\n" + b"".join(records))


if __name__ == "__main__":
    main()
