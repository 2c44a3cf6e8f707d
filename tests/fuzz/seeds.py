"""Small files of every kind that a fuzz target reads:  python3 tests/fuzz/seeds.py FOLDER

Writes FOLDER/TARGET/*, from which a fuzzer starts; corpus/ holds what it kept of them (fuzz.sh).  Python 3
without packages.
"""

import gzip
import io
import json
import os
import struct
import sys
import zipfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDENS = os.path.join(os.path.dirname(HERE), "goldens")


def floats(count, width=8):
    return struct.pack("<%d%s" % (count, "d" if width == 8 else "f"), *[(i % 7) / 4 - 0.5 for i in range(count)])


# ---------------------------------------------------------------- .safetensors

SIZES = {"F32": 4, "F64": 8, "I32": 4, "I64": 8, "F16": 2, "BF16": 2, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1,
         "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1}


def product(shape):
    count = 1
    for size in shape:
        count *= size
    return count


def checksums(tensors, meta):
    """The text of host/checkpoint/checksum.h; tensors are (name, dtype, shape, bytes)."""
    tensors = sorted(tensors)
    head = 0
    for name, dtype, shape, _ in tensors:
        head = zlib.crc32(name.encode() + b"\0" + dtype.encode() + b"\0", head)
        head = zlib.crc32(struct.pack("<%dq" % (1 + len(shape)), len(shape), *shape), head)
    for key in sorted(meta):
        head = zlib.crc32(key.encode() + b"\0" + meta[key].encode() + b"\0", head)
    return " ".join("%08x" % crc for crc in [head] + [zlib.crc32(t[3]) for t in tensors])


def header(tensors, meta, summed=False):
    entries, at = {}, 0
    meta = dict(meta)
    if summed:
        meta["seqgpu.crc32"] = checksums(tensors, meta)
    if meta:
        entries["__metadata__"] = meta
    for name, dtype, shape, data in tensors:
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    return json.dumps(entries, separators=(",", ":")).encode(), at


def safetensors(tensors, meta={}, summed=False):
    text, _ = header(tensors, meta, summed)
    return struct.pack("<Q", len(text)) + text + b"".join(data for _, _, _, data in tensors)


def tensor(name, dtype, *shape):
    count, size = product(shape), SIZES[dtype]
    data = floats(count, size) if dtype in ("F32", "F64") else bytes(i % 2 for i in range(count * size))
    return name, dtype, list(shape), data


def gru(prefix, dtype, hidden, inputs):
    return [
        tensor(prefix + "weight_ih_l0", dtype, 3 * hidden, inputs),
        tensor(prefix + "weight_hh_l0", dtype, 3 * hidden, hidden),
        tensor(prefix + "bias_ih_l0", dtype, 3 * hidden),
        tensor(prefix + "bias_hh_l0", dtype, 3 * hidden),
    ]


def checkpoint():
    """What fuzz_safetensors.c loads, with everything that resuming needs."""
    model = [tensor("w", "F64", 2, 2)] + gru("r.", "F64", 1, 1)
    rest = []
    for place in ("first", "second"):
        for name, rows, cols in (("w", 2, 2), ("r.weight_ih_l0", 3, 1), ("r.weight_hh_l0", 3, 1),
                                 ("r.bias_l0", 3, 1), ("r.bias_rec_l0", 1, 1)):
            rest.append(tensor("optimizer.%s.%s" % (place, name), "F64", rows, cols))
    rest.append(tensor("optimizer.clip_state", "F64", 8))
    counters = struct.pack("<5q", 7, 1, 3, 1, 1)
    return model + rest + [("optimizer.counters", "I64", [5], counters)]


# ---------------------------------------------------------------- .npy and .npz

def npy(descr, shape, data, fortran=False, version=1):
    text = ("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, fortran, tuple(shape))).encode()
    length = 2 if version == 1 else 4
    text += b" " * (-(8 + length + len(text) + 1) % 16) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(length, "little") + text + data


def npz(members, deflated=False):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as file:
        for name, data in members:
            file.writestr(zipfile.ZipInfo(name + ".npy"), data,
                          zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)
    return out.getvalue()


def array(*shape, width=4):
    return npy("<f%d" % width, shape, floats(product(shape), width))


# ---------------------------------------------------------------- models in JSON

def rows(count, cols):
    return [[((i + j) % 5) / 4 - 0.5 for j in range(cols)] for i in range(count)]


def rtneural(layers, inputs=1, **more):
    return json.dumps(dict(in_shape=[None, None, inputs], layers=layers, **more), separators=(",", ":")).encode()


def layer(kind, inputs, units):
    gates = 4 if kind == "lstm" else 3
    bias = rows(1, gates * units)[0] if kind == "lstm" else rows(2, gates * units)
    return {"type": kind, "activation": "", "shape": [None, None, units],
            "weights": [rows(inputs, gates * units), rows(units, gates * units), bias]}


def dense(inputs, units):
    return {"type": "dense", "activation": "", "shape": [None, None, units],
            "weights": [rows(inputs, units), rows(1, units)[0]]}


def nam(hidden, layers):
    count = 4 * hidden * (1 + hidden) + 6 * hidden + (layers - 1) * (8 * hidden * hidden + 6 * hidden) + hidden + 1
    return json.dumps({"version": "0.5.4", "architecture": "LSTM",
                       "config": {"input_size": 1, "hidden_size": hidden, "num_layers": layers},
                       "weights": rows(1, count)[0], "sample_rate": 48000}, separators=(",", ":")).encode()


# ---------------------------------------------------------------- the targets

def seeds_header():
    for name, (tensors, meta) in {
        "empty": ([], {}),
        "scalar": ([tensor("a", "U8"), tensor("b", "F32", 0, 3)], {}),
        "all": ([tensor(d, d, 1, 2) for d in SIZES], {"k": "v", "\u00e9\n": "\U0001f3b5"}),
    }.items():
        for summed in (False, True):
            text, size = header(tensors, meta, summed)
            yield "%s%d" % (name, summed), struct.pack("<H", size) + text
    yield "escapes", b"\0\0" + b'{"__metadata__":{"\\ud83c\\udfb5":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041"}} \r\n'


def seeds_safetensors():
    for resume in (0, 1):
        for summed in (False, True):
            yield "model%d%d" % (resume, summed), bytes([resume]) + safetensors(checkpoint(), {}, summed)
        half = [tensor("w", "F16", 2, 2)] + gru("r.", "BF16", 1, 1)
        yield "half%d" % resume, bytes([resume]) + safetensors(half)
        yield "types%d" % resume, bytes([resume]) + safetensors([tensor(d, d, 2) for d in SIZES])
        bare = [tensor("w", "F32", 2, 2)] + gru("r.", "F32", 1, 1)[:2]
        yield "bare%d" % resume, bytes([resume]) + safetensors(bare, {"k": "v"}, True)


def seeds_config():
    cursor = "step=12\ndata_size=100\ndata_hash=00000000000000ff\n"
    yield "words", b"\0" + (cursor + "format=seqgpu charlm 1\ncell=lstm\nlayers=2\nhidden=16\ntokens=words\n"
                            "vocabulary=<unk> %20 a %20b\ntext=a.txt\ntrain_size=5\nval_hash=1f\nval_loss=0.5").encode()
    yield "bytes", b"\x80" + (cursor + "clip=value:1\nforget-bias=1\noptimizer=adam\nlr=1e-3\nT=20\nepoch=1\n"
                              "vocabulary=%00 %01 %02").encode()
    for task in range(1, 14):
        yield "task%d" % task, bytes([task]) + (cursor + "task=adding\nT=50\ncell=gru\nreset-after=1\nbatch=20\n"
                                                "seed=3\ndropout=0.5\neval-size=10\ntau=17\npermuted=1").encode()


def seeds_args():
    for task in range(14):
        yield "task%d" % task, bytes([task]) + b"--cell\nlstm\n--layers=2\n--hidden\n16\n--lr=1e-3\n--clip=value:1"
    yield "files", b"\0--checkpoint\na\n--log=b\n--keep\n2\n--force\n--resume\nc\n--epochs=1.5\n--device\ncpu"
    yield "wrong", b"\1--hiden\n5\n--T=x\n-h"
    yield "help", b"\0--help=bash"


def seeds_describe():
    yield "lstm", b"cell=lstm input_size=3 hidden_size=4 num_layers=2 bidirectional=1 projection_size=2 peephole=1"
    yield "rnn", b"cell=rnn input_size=3 hidden_size=4 activation=relu merge=1 batch_first=1"
    yield "scrn", b"cell=scrn input_size=3 hidden_size=4 context_size=2 leak=0.95 learn_leak=1 reverse=1"
    yield "householder", b"cell=householder input_size=3 hidden_size=4 reflections=2"
    yield "mlstm", b"cell=mlstm input_size=3 hidden_size=4 factor_size=2"
    yield "gru", b"cell=gru input_size=3 hidden_size=4 reset_after=1"


def seeds_dlpack():
    for rank, shape, strides in ((0, [], []), (2, [2, 2], [2, 1]), (1, [4], [1]), (3, [1, 4, 1], [9, 1, 5])):
        yield "rank%d" % rank, struct.pack("<IiiiBBHxxxxQQBBBBxxxx18q", 1, 1, 0, rank, 2, 64, 1, 1, 0, 1, 1, 1, 0,
                                           *(shape + [0] * (9 - rank) + strides + [0] * (9 - rank)))


def seeds_report():
    yield "charlm", (b'{"step": 50, "epoch": 0.5, "loss": 2.5, "bits_per_char": 3.6, "grad_norm": 1.25, "lr": 0.001, '
                     b'"tokens_per_s": 1000, "elapsed_s": 1.5, "eta_s": 9}\n'
                     b'{"step": 100, "loss": 2.25, "bits_per_char": 3.2, "val_loss": 2.4, "val_bits_per_char": 3.3}\n'
                     b'{"step": 100, "sample": "a \\"b\\"\\n\\u00e9\\ud83c"}\n')
    yield "sample", b'{"step":1,"loss":1e-300}\n{"step":1,"sample":"<&>\\t"}\n{"step":2,"loss":1e300}\n\n{"ste'
    yield "null", b'{"step": 1, "loss": null, "error_rate": -0.5, "val_error_rate": 2}\r\n'


def seeds_log():
    for after in (0, 2, 51, 255):
        yield "rising%d" % after, bytes([after]) + b'{"step": 1, "loss": 2}\n{"step": 50}\n{"step": 60}\n{"step": 70, "lo'
        yield "again%d" % after, bytes([after]) + b'{"step": 50}\n{"step": 60}\n{"step": 2}\nx\n{"step": 3}'


def seeds_numbers():
    yield "one", b"\0001\n2.5\n# x\n\n-3e-2\n"
    yield "three", b"\x021, 2; 3\n4\t5 6\r\n"


def seeds_conllu():
    word = "%s\t%s\tlemma\t%s\t_\t_\t_\t_\t_\t_\n"
    lines = [("1-2", "don't", "_"), ("1", "do", "AUX"), ("2", "n't", "PART"), ("2.1", "e", "_"), ("3", "\u00e9" * 40, "NOUN")]
    text = "# text = a\n" + "".join(word % line for line in lines) + "\n\r\n" + word % ("1", "a b", "X")
    yield "words", b"\1" + text.encode()
    yield "mark", b"\1\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
    yield "gzip", b"\1" + gzip.compress(text.encode(), mtime=0)
    yield "labelled", b"\2good the cat\r\nbad \xc3\xa9\n"
    yield "lines", "\0the cat  sat .\n\n\t\u00e9 the\r\n".encode()


def seeds_pairs():
    words = ";;; a\nread R EH1 D # past\nREAD(2)\tR IY1 D\r\n\nit's IH1 T S\n\u00e9t E T\n(1) A\n"
    yield "words", b"\0" + words.encode()
    yield "stress", b"\1\xef\xbb\xbf" + words.encode()
    yield "columns", "\2Ein Hund, l\u00e4uft!\tA dog runs.\tno more\r\nEr a\u00df 2,5 - 1.\tHe ate 2.5-1 .\n".encode()
    yield "long", b"\2a b c d e f g h i j\tx\na b a b\tx y x\n"
    yield "no tab", b"\2a\tb\nc\n"
    tokens = '.a.,5 1-2 -3 1..2, "x" \u00c4\u0158\u0391\u0410\u0401\u0130 [a]{b}\n,9\tZ.\n'
    yield "tokens", b"\3" + tokens.encode() + b"\xc3"


def seeds_rolls():
    yield "pieces", b"\0000,87 - 5\r\n\n7\t12,12,3 4\n"
    yield "parts", b"\0021 2 3 4 5 6 7,8 9 - 10\n"
    yield "wrong", b"\0001 88\n2,,3\n"


def seeds_strokes():
    yield "drawings", b"3,1,0 -1,4,1 2,0,1\r\n\n0,5,0\t1.25,-1,1\n"
    yield "far", b"1000000,-1000000.0,0 -0.0000001,0,1"
    yield "wrong", b"1,2,0\n\n3,4,1 5,6"


def seeds_lists():
    yield "recordings", b"\0@\tone \xC3\xA9t\xC3\xA9\r\n\n@\ttwo"
    yield "nobody", b"\0@\ta\nx.wav\tb\n"
    yield "pictures", b"\1@\ta dog  asleep\n\r\n@\tone\r\n"
    yield "wrong", b"\1@\t \n"
    yield "untold", b"\1@ x\n"


def seeds_hershey():
    letters = ["  1NV", "  4PTRFR[TM", "  9NVRFR[ RNRVR RPP"]
    yield "letters", "".join("12345%s\n" % letter for letter in letters).encode()
    yield "wrapped", b"    1  1JZ\r\n    2  6NVPPQQ\r\n RRRSS\r\n"
    yield "wrong", b"    1  1JZ\n    2  6NVPP\n"


def seeds_wav():
    def wav(channels, bits, data):
        form = struct.pack("<HHIIHH", 1, channels, 8000, 8000 * channels * bits // 8, channels * bits // 8, bits)
        body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
        return b"RIFF" + struct.pack("<I", len(body)) + body
    yield "mono", wav(1, 16, bytes(range(40)))
    yield "stereo", wav(2, 8, bytes(range(20)))
    yield "cut", wav(1, 16, bytes(range(40)))[:-3]


def seeds_png():
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    def png(width, height, depth, kind, lines, *more, interlaced=0):
        head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(more) + chunk(b"IDAT", zlib.compress(lines))
                + chunk(b"IEND", b""))
    yield "grey", b"\3" + png(2, 2, 8, 0, b"\0\1\2\2\3\4")
    yield "bits", b"\1" + png(9, 1, 1, 0, b"\0\xa5\x80")
    yield "palette", b"\4" + png(3, 1, 8, 3, b"\0\0\1\1", chunk(b"PLTE", b"\1\2\3\4\5\6"), chunk(b"tRNS", b"\0\x7f"))
    yield "wide", b"\2" + png(3, 1, 16, 6, b"\0" + bytes(range(24)))
    yield "interlaced", b"\5" + png(2, 2, 8, 2, bytes(5 * 3), interlaced=1)
    yield "endless", b"\0" + png(1 << 20, 1 << 20, 8, 2, b"")
    yield "scenes", b"\0scenes:1000"
    yield "unseen", b"\0unseen:99999999999999999999"


def seeds_vocabulary():
    for choice in (0, 1, 2, 0x80, 0x81, 0x82):
        yield "bytes%d" % choice, bytes([choice]) + b"%00 a %20 %25 b %FF"
        yield "words%d" % choice, bytes([choice]) + b"<unk> %20 a %20b the %20the \xc3\xa9 %0A ( ) ."


def seeds_text():
    plain = "The cat, the dog\n(and  the \u00e9l\u00e9phant \U0001f3b5)\tsaid: don't.\r\n"
    for kind in range(3):
        start = bytes([kind, 0])
        yield "plain%d" % kind, start + plain.encode()
        yield "limit%d" % kind, bytes([kind, 4]) + plain.encode()
        yield "mark%d" % kind, start + b"\xef\xbb\xbf" + plain.encode()
        yield "gzip%d" % kind, start + gzip.compress(plain.encode(), mtime=0)
    for order in ("utf-16-le", "utf-16-be"):
        yield order, b"\1\0" + plain.encode(order)
        yield order + "-mark", b"\2\0" + "\ufeff".encode(order) + plain.encode(order)
    yield "members", b"\0\0" + gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0)
    yield "latin", b"\1\0caf\xe9"


def seeds_json():
    yield "lstm", rtneural([layer("lstm", 1, 2), dense(2, 1)], in_skip=1)
    yield "gru", rtneural([layer("gru", 2, 1), layer("gru", 1, 1), {"type": "activation"}, dense(1, 2)], inputs=2)
    yield "aidax", rtneural([layer("lstm", 1, 1), dense(1, 1)], in_gain=-3.5, out_gain=2, metadata={"name": "a"})
    yield "nam1", nam(1, 1)
    yield "nam2", nam(2, 2)


def seeds_onnx():
    for name in sorted(os.listdir(os.path.join(GOLDENS, "onnx"))):
        if name.endswith(".onnx"):
            with open(os.path.join(GOLDENS, "onnx", name), "rb") as file:
                yield name, file.read()


def seeds_npy():
    for descr, width in (("<f4", 4), ("<f8", 8), ("<f2", 2), (">f4", 4), ("<i8", 8), ("|u1", 1), ("|b1", 1)):
        yield descr[1:], npy(descr, (2, 3), bytes(range(6 * width)))
    yield "fortran", npy("<f4", (2, 3, 2), floats(12, 4), True, 2)
    yield "scalar", npy("<f8", (), floats(1), version=3)
    yield "empty", npy("<f8", (3, 0), b"")
    members = [("a", array(2, 2)), ("b/c", array(3, width=8)), ("d", array(0, 4))]
    yield "stored", npz(members)
    yield "deflated", npz(members, True)
    with zipfile.ZipFile(io.BytesIO(npz(members))) as file:
        assert file.testzip() is None


def keras(prefix, gates, inputs, units, twice=False):
    bias = (2, gates * units) if twice else (gates * units,)
    return [(prefix + "/kernel", (inputs, gates * units)), (prefix + "/recurrent_kernel", (units, gates * units)),
            (prefix + "/bias", bias)]


def seeds_arrays():
    torch = gru("a.rnn.", "F32", 2, 1) + [tensor("fc.weight", "F32", 2)]
    both = gru("", "F16", 1, 2) + [(n + "_reverse", d, s, b) for n, d, s, b in gru("", "F16", 1, 2)]
    projected = [tensor("weight_ih_l0", "F64", 8, 1), tensor("weight_hh_l0", "F64", 8, 1),
                 tensor("weight_hr_l0", "F64", 1, 2)]
    described = gru("enc.", "F64", 1, 1) + [tensor("enc.head.weight", "F64", 2, 1), tensor("enc.head.bias", "F64", 2),
                                            tensor("enc.initial.h", "F64", 1, 1)]
    text = "cell=gru input_size=1 hidden_size=1 num_layers=1 reset_after=1"
    trained = gru("rnn.", "F32", 1, 2)
    meta = {"format": "seqgpu task 1", "cell": "gru", "hidden": "1", "layers": "1", "reset-after": "1"}
    for choice in (1, 3):
        yield "torch%d" % choice, bytes([choice]) + safetensors(torch)
        yield "both%d" % choice, bytes([choice]) + safetensors(both)
        yield "projected%d" % choice, bytes([choice]) + safetensors(projected)
    for choice in (2, 3):
        yield "described%d" % choice, bytes([choice]) + safetensors(described, {"network.enc": text}, choice == 2)
        yield "trained%d" % choice, bytes([choice]) + safetensors(trained, meta)
    layers = {"lstm": keras("lstm/lstm_cell", 4, 1, 1), "gru": keras("gru", 3, 2, 1, True),
              "rnn": keras("rnn", 1, 1, 2), "cudnn": keras("g", 3, 1, 1)[:2] + [("g/bias", (6,))],
              "both": keras("b/forward_lstm/lstm_cell", 4, 1, 1) + keras("b/backward_lstm/lstm_cell", 4, 1, 1)}
    for name, shapes in layers.items():
        yield name, b"\0" + npz([(n, array(*shape)) for n, shape in shapes])
    yield "deflated", b"\3" + npz([(n, array(*shape)) for n, shape in layers["lstm"]], True)
    yield "keras", b"\3" + safetensors([tensor(n, "F32", *shape) for n, shape in layers["lstm"]])


def idx(*sizes):
    data = bytes(i % 3 for i in range(product(sizes)))
    return bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes) + data


def seeds_idx():
    for dims, file in enumerate((idx(5), idx(2, 3), idx(2, 3, 4))):
        yield "plain%d" % dims, bytes([dims]) + file
        yield "gzip%d" % dims, bytes([dims]) + gzip.compress(file, mtime=0)


def seeds_pixels():
    labels = idx(3)
    for choice in range(16):
        yield "set%d" % choice, bytes([choice, len(labels)]) + idx(3, 2, 2) + labels
    packed = gzip.compress(labels, mtime=0)
    yield "gzip", bytes([1, len(packed)]) + gzip.compress(idx(3, 2, 2), mtime=0) + packed


def seeds_plans():
    line = b"cpu/step\t12.5 us\tk\ncpu/packed\t1.0 us\tcpu, 1 thread lstm algorithm=any input_size=1\n"
    yield "lines", b"\0" + line
    yield "first", b"\1seqgpu plans 1, library 0.2.0\n" + line
    yield "long", b"\0" + b"a" * 700 + b"\tx\tk\n" + line


def language_model(cell="lstm", gates=4, **meta):
    units, tokens = 1, 4
    tensors = [tensor("embedding.weight", "F32", tokens, 2), tensor("rnn.weight_ih_l0", "F32", gates * units, 2),
               tensor("rnn.weight_hh_l0", "F32", gates * units, units), tensor("rnn.bias_ih_l0", "F32", gates * units),
               tensor("rnn.bias_hh_l0", "F32", gates * units), tensor("output.weight", "F32", tokens, units),
               tensor("output.bias", "F32", tokens)]
    meta = dict({"format": "seqgpu charlm 1", "cell": cell, "layers": "1", "hidden": "1", "embedding": "2",
                 "tokens": "utf8", "vocabulary": "<unk> %0A a b", "step": "1", "data_size": "3", "data_hash": "0f"},
                **meta)
    return tensors, meta


def seeds_look():
    lstm = safetensors(*language_model(), True)
    words = safetensors(*language_model("gru", 3, **{"tokens": "words", "vocabulary": "<unk> %20 a b", "reset-after": "1"}))
    for choice in range(9):
        yield "lstm%d" % choice, bytes([choice]) + lstm
        yield "words%d" % choice, bytes([choice]) + words
    yield "json", b"\7" + rtneural([layer("lstm", 1, 2), dense(2, 1), {"type": "\u001b[1m"}])
    yield "npz", b"\10" + npz([(n, array(*shape)) for n, shape in keras("\u202ex", 4, 1, 1)])


def main():
    for name, make in sorted(globals().items()):
        if not name.startswith("seeds_"):
            continue
        folder = os.path.join(sys.argv[1], name[len("seeds_"):])
        os.makedirs(folder, exist_ok=True)
        for seed, data in make():
            with open(os.path.join(folder, seed), "wb") as file:
                file.write(data)


if __name__ == "__main__":
    main()
