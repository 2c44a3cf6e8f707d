#!/usr/bin/env python3
"""Writes bleu.tsv: what sacrebleu makes of texts, for tests/test_pairs.c to compare with.

    python3 tests/goldens/make_bleu.py             needs sacrebleu; the tests do not

Lines of columns with tabs between them:

    tokens  TEXT  TOKENS                           its tokens in small letters, with spaces between them
    pair    CORPUS  ANSWER  REFERENCE
    bleu    CORPUS  NUMBER                         of the pairs above, tokenize="13a", lowercase=True
"""
import os
import random

from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

TEXTS = [
    'He said: "It costs $1,000.50, doesn\'t it?"',
    "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche.",
    "A well-known 5-year-old (3.5 kg) ran 1,2 or .5 miles... and then, at 10:30, stopped!",
    "ÄRGER mit ÖL; Übermut -- ŁÓDŹ, Žižek & ΑΘΗΝΑ / МОСКВА Ёж.",
    "a.,b .,5 5., 1..5 -1 1- 1-1 a-1 [x]{y}~z^_`|\\<>=*+#@%",
    "end. Next,one",
]
WORDS = "a the man woman dog in on red 2.5 shirt street , . ; is are walks running \"hello\" it's".split()


def fuzz(draw):
    return "".join(draw.choice("aB1209.,-- '\"!?()/:Öß") for _ in range(draw.randrange(1, 30)))


def sentence(draw, least):
    return [draw.choice(WORDS) for _ in range(draw.randrange(least, 14))]


def changed(draw, words, p):
    """A reference that shares most of its words, some doubled or left out."""
    out = []
    for w in words:
        if draw.random() > p:
            out.append(w)
        elif draw.random() < 0.5:
            out += [draw.choice(WORDS), w]
    return out or ["a"]


def corpora(draw):
    yield "near", [(a, changed(draw, a, 0.2)) for a in (sentence(draw, 3) for _ in range(30))]
    yield "far", [(a, changed(draw, a, 0.8)) for a in (sentence(draw, 2) for _ in range(20))]
    yield "short", [(a[: len(a) // 2 + 1], a) for a in (sentence(draw, 3) for _ in range(15))]
    yield "same", [(a, a) for a in (sentence(draw, 4) for _ in range(5))]
    yield "no four", [(["the", "man", "walks", "in", "a"], ["the", "man", "is", "in", "a"])]
    yield "nothing", [(["red", "red", "red", "red"], ["dog", "dog", "dog", "dog"])]
    yield "three words", [(["the", "man", "walks"], ["the", "man", "walks"])]
    yield "doubled", [(["the"] * 7, "the man is on the street .".split())]


def main():
    draw, tokens = random.Random(7), Tokenizer13a()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bleu.tsv")
    with open(path, "w", encoding="utf-8") as out:
        for text in TEXTS + [fuzz(draw) for _ in range(120)]:
            print("tokens", text, tokens(text.lower()), sep="\t", file=out)
        for name, pairs in corpora(draw):
            pairs = [(" ".join(a).capitalize(), " ".join(b)) for a, b in pairs]
            for answer, reference in pairs:
                print("pair", name, answer, reference, sep="\t", file=out)
            score = BLEU(tokenize="13a", lowercase=True).corpus_score([a for a, _ in pairs], [[b for _, b in pairs]])
            print("bleu", name, f"{score.score:.9f}", sep="\t", file=out)


if __name__ == "__main__":
    main()
