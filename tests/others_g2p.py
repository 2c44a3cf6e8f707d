"""g2p-en's encoder and decoder (a GRU each, an .npz) by libseqgpu: the phonemes of its own NumPy code for 1,000 words.

    python3 tests/others_g2p.py [WORDS]          by test_others.sh; needs numpy and the files of PyPI's g2p-en

Its arrays are PyTorch's under names of its own: they are renamed, written as .npz, and imported.  Its own code is run
as it is; what that imports for text (nltk, which looks for corpora at once, and inflect) is not needed for a word and
replaced by empty modules.
"""
import importlib
import os
import sys
import tempfile
import types

import numpy as np

import seqgpu


class Anything(types.ModuleType):
    """A module whose every name is there, and can be called for another."""

    def __init__(self, name="anything"):
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()

    def __call__(self, *unused, **also_unused):
        return Anything()


def their_code():
    for name in ("nltk", "nltk.corpus", "nltk.tokenize", "inflect"):
        sys.modules[name] = Anything(name)
    return importlib.import_module("g2p_en.g2p").G2p()


def words(count):
    """Words as English has them, and such as it might: syllables drawn by a generator with a fixed seed."""
    random = np.random.default_rng(2026)
    onsets = "b c d f g h j k l m n p r s t v w z bl br ch cl cr dr fl fr gl gr ph pl pr qu sc sh sk sl sm sn sp st str th tr tw".split()
    middles, ends = "a e i o u ai au ea ee ie oa oo ou y".split(), " b ck d f g l ll m n nd ng nt p r rd rk rt s ss st t x".split(" ")
    syllable = lambda: random.choice(onsets) + random.choice(middles) + random.choice(ends)
    return ["".join(syllable() for _ in range(random.integers(1, 5))) for _ in range(count)]


def our_networks(theirs):
    arrays = {}
    for side, name in (("enc", "encoder"), ("dec", "decoder")):
        for kind, part in (("weight", "w"), ("bias", "b")):
            for end in ("ih", "hh"):
                arrays[f"{name}.{kind}_{end}_l0"] = theirs.variables[f"{side}_{part}_{end}"]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "g2p.npz")
        np.savez(path, **arrays)
        file = seqgpu.read(path, context=seqgpu.Context("cpu", 1))
    return file.network("encoder"), file.network("decoder")


def predict(theirs, encoder, decoder, word):
    """As g2p-en does: the encoder's last state, then the likeliest phoneme again and again."""
    _, states = encoder(theirs.encode(word).transpose(1, 0, 2))
    token, phonemes = 2, []
    for _ in range(20):
        y, states = decoder(theirs.dec_emb[token].reshape(1, 1, -1), states)
        token = int((y[0, 0] @ theirs.fc_w.T + theirs.fc_b).argmax())
        if token == 3:
            break
        phonemes.append(theirs.idx2p.get(token, "<unk>"))
    return phonemes


theirs = their_code()
encoder, decoder = our_networks(theirs)
tried = words(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
different = [w for w in tried if predict(theirs, encoder, decoder, w) != theirs.predict(w)]
example = " ".join(theirs.predict(tried[0]))
print(f"{len(tried) - len(different)} of {len(tried)} words have the same phonemes; {tried[0]}: {example}")
sys.exit(f"others: {different[:5]}" if different else 0)
