#!/usr/bin/env python3
"""Writes mel.bin: the log-mel features of host/data/mel.h by its formulas, in float64, for tests/test_speech.c to compare with.

    python3 tests/goldens/make_mel.py             needs numpy, and torch for the form of the file; the tests need neither

A case has the sound x [samples], rate, bands, hop and warp [1], and features [frames,bands].  Nothing here is fast: the
transform is a matrix of e^{-2 pi i k n / M}.
"""
import os

import numpy as np
import torch

from make_goldens import records, write


def mel(f):
    return 2595 * np.log10(1 + f / 700)


def warped(f, half, a):
    high = 0.875 * half
    bend = high * min(a, 1) / a
    return a * f if f <= bend else half - (half - a * bend) / (half - bend) * (half - f)


def features(x, rate, bands, hop, a):
    N = rate // 40
    M = 1 << (N - 1).bit_length()
    frames = 1 if len(x) <= N else 1 + int((len(x) - N) / hop)
    x = np.concatenate([x, np.zeros(N + M)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N) / N)
    transform = np.exp(-2j * np.pi * np.outer(np.arange(M // 2 + 1), np.arange(N)) / M)
    edges = [warped(700 * (10 ** (m / 2595) - 1), rate / 2, a) for m in np.linspace(0, mel(rate / 2), bands + 2)]
    f = np.arange(M // 2 + 1) * rate / M
    out = np.empty((frames, bands))
    for i in range(frames):
        start = int(i * hop + 0.5)
        power = np.abs(transform @ (window * x[start:start + N])) ** 2
        for b in range(bands):
            left, middle, right = edges[b:b + 3]
            triangle = np.clip(np.minimum((f - left) / (middle - left), (right - f) / (right - middle)), 0, None)
            out[i, b] = np.log(1e-6 + triangle @ power)
    return out


def case(name, samples, rate, bands, speed, warp):
    t = np.arange(samples) / rate
    x = 0.4 * np.sin(2 * np.pi * 300 * t + 900 * t * t) + 0.1 * np.sin(2 * np.pi * 0.37 * rate * t) * (t > 0.03)
    x = x.astype(np.float32).astype(np.float64)
    hop = rate / 100 * speed
    for key, value in (("x", x), ("rate", [rate]), ("bands", [bands]), ("hop", [hop]), ("warp", [warp]),
                       ("features", features(x, rate, bands, hop, warp))):
        write(name + "/" + key, torch.tensor(np.asarray(value, dtype=np.float64)))


def main():
    case("telephone", 700, 8000, 40, 1.0, 1.0)
    case("slower_higher", 650, 8000, 23, 0.9, 1.12)
    case("lower", 500, 8000, 20, 1.07, 0.9)
    case("studio", 2000, 44100, 30, 1.0, 1.0)
    case("short", 50, 16000, 12, 1.0, 1.0)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "mel.bin"), "wb") as out:
        out.write(b"SQGOLD1\n" + b"".join(records))


if __name__ == "__main__":
    main()
