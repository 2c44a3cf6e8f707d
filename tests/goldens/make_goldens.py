#!/usr/bin/env python3
"""Writes goldens.bin: what PyTorch computes, in float64, for tests/test_goldens.c to compare with.

    python3 tests/goldens/make_goldens.py            needs torch on the CPU; the tests do not

A case is a set of named tensors "CASE/NAME".  Parameters are written the way libseqgpu has them:
  one bias             bias = b_ih + b_hh, its gradient that of b_ih (they are equal)
  GRU (reset_after)    bias = b_ih + [b_hh_r, b_hh_z, 0] and bias_rec = b_hh_n
  names                PyTorch's, "bias_l0" and "bias_rec_l0" being ours
Gradients are those of  sum(dy * y) + sum(dht * hT) + sum(dct * cT)  with random dy, dht, dct.

The file: 8 bytes "SQGOLD1\\n", then records of
  uint32 length, name (ASCII), uint32 ndim, int64 dims[ndim], float64 data[product of dims]      little-endian
"""
import os
import struct

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

records = []


def write(name, tensor):
    tensor = tensor.detach().to(torch.float64).contiguous()
    encoded = name.encode("ascii")
    records.append(struct.pack("<I", len(encoded)) + encoded + struct.pack("<I", tensor.dim())
                   + struct.pack("<%dq" % tensor.dim(), *tensor.shape) + tensor.numpy().astype("<f8").tobytes())


def random(*shape):
    return torch.rand(*shape) * 2 - 1


def layer_parameters(net, suffix, hidden):
    """(our name, value, gradient) of one layer and direction."""
    get = lambda name: getattr(net, name + suffix)
    b_ih, b_hh = get("bias_ih"), get("bias_hh")
    rows = [("weight_ih", get("weight_ih"), get("weight_ih").grad),
            ("weight_hh", get("weight_hh"), get("weight_hh").grad)]
    if isinstance(net, nn.GRU):
        recurrent = b_hh.detach().clone()
        recurrent[2 * hidden:] = 0
        rows.append(("bias", b_ih + recurrent, b_ih.grad))
        rows.append(("bias_rec", b_hh[2 * hidden:], b_hh.grad[2 * hidden:]))
    else:
        rows.append(("bias", b_ih + b_hh, b_ih.grad))
    if getattr(net, "proj_size", 0):
        rows.append(("weight_hr", get("weight_hr"), get("weight_hr").grad))
    return rows


def recurrent_case(case, kind, T=6, B=3, I=5, H=7, lengths=None, **options):
    net = kind(I, H, **options).double()
    states = 2 if kind is nn.LSTM else 1
    directions = 2 if net.bidirectional else 1
    layers = net.num_layers * directions
    width = net.proj_size if net.proj_size else H
    x = random(T, B, I).requires_grad_()
    initial = [random(layers, B, w).requires_grad_() for w in (width, H)[:states]]
    given = tuple(initial) if states == 2 else initial[0]
    if lengths:
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        y, final = net(packed, given)
        y, _ = pad_packed_sequence(y, total_length=T)
        write(case + "/lengths", torch.tensor(lengths))
    else:
        y, final = net(x, given)
    final = list(final) if states == 2 else [final]
    dy, dfinal = random(*y.shape), [random(*f.shape) for f in final]
    loss = (dy * y).sum() + sum((d * f).sum() for d, f in zip(dfinal, final))
    loss.backward()
    for name, tensor in (("x", x), ("y", y), ("dy", dy), ("dx", x.grad)):
        write(case + "/" + name, tensor)
    for k in range(states):
        letter = "hc"[k]
        write("%s/%s0" % (case, letter), initial[k])
        write("%s/%st" % (case, letter), final[k])
        write("%s/d%st" % (case, letter), dfinal[k])
        write("%s/d%s0" % (case, letter), initial[k].grad)
    for layer in range(net.num_layers):
        for direction in range(directions):
            suffix = "_l%d%s" % (layer, "_reverse" if direction else "")
            for name, value, grad in layer_parameters(net, suffix, H):
                write("%s/%s%s" % (case, name, suffix), value)
                write("%s/d %s%s" % (case, name, suffix), grad)


def embedding_case():
    """ids -> embedding -> linear -> cross-entropy, mean over the rows that are not masked."""
    rows, vocab, dim = 13, 9, 5
    ids = torch.randint(0, vocab, (rows,))
    targets = torch.randint(0, vocab, (rows,))
    targets[3] = targets[7] = -100
    table, weight = random(vocab, dim).requires_grad_(), (3 * random(vocab, dim)).requires_grad_()
    bias = random(vocab).requires_grad_()
    embedded = nn.functional.embedding(ids, table)
    logits = nn.functional.linear(embedded, weight, bias)
    logits.retain_grad()
    row_loss = nn.functional.cross_entropy(logits, targets, reduction="none")
    loss = nn.functional.cross_entropy(logits, targets)
    loss.backward()
    for name, tensor in (("ids", ids), ("targets", targets), ("table", table), ("weight", weight), ("bias", bias),
                         ("logits", logits), ("row_loss", row_loss), ("loss", loss.reshape(1)),
                         ("lse", torch.logsumexp(logits, 1)), ("dlogits", logits.grad), ("dtable", table.grad),
                         ("dweight", weight.grad), ("dbias", bias.grad)):
        write("embedding_xent/" + name, tensor)


def optimizer_case(case, make, clip=0.0):
    """Three updates of two tensors.  With clip: gradients times min(1, clip / norm), the norm being PyTorch's;
    clip_grad_norm_ itself divides by norm + 1e-6, which is not what Pascanu et al. wrote."""
    tensors = [nn.Parameter(random(4, 3)), nn.Parameter(random(5, 1))]
    optimizer = make(tensors)
    for i, p in enumerate(tensors):
        write("%s/start%d" % (case, i), p)
    for update in range(3):
        for i, p in enumerate(tensors):
            p.grad = random(*p.shape) * (update + 1)
            write("%s/grad%d_%d" % (case, i, update), p.grad)
        norm = nn.utils.get_total_norm([p.grad for p in tensors])
        write("%s/norm_%d" % (case, update), norm.reshape(1))
        if clip:
            for p in tensors:
                p.grad *= min(1.0, clip / norm.item())
        optimizer.step()
        for i, p in enumerate(tensors):
            write("%s/value%d_%d" % (case, i, update), p)


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(20240607)
    recurrent_case("rnn_tanh", nn.RNN)
    recurrent_case("rnn_relu", nn.RNN, nonlinearity="relu")
    recurrent_case("lstm", nn.LSTM)
    recurrent_case("lstm_projection", nn.LSTM, proj_size=4)
    recurrent_case("lstm_bidirectional", nn.LSTM, bidirectional=True)
    recurrent_case("lstm_projection_2layers_bidirectional", nn.LSTM, proj_size=3, num_layers=2, bidirectional=True)
    recurrent_case("lstm_ragged_bidirectional", nn.LSTM, B=4, lengths=[3, 6, 1, 4], bidirectional=True)
    recurrent_case("gru", nn.GRU)
    recurrent_case("gru_2layers", nn.GRU, num_layers=2)
    recurrent_case("gru_2layers_bidirectional", nn.GRU, num_layers=2, bidirectional=True)
    recurrent_case("gru_ragged", nn.GRU, B=4, lengths=[1, 2, 6, 5])
    embedding_case()
    optim = torch.optim
    optimizer_case("sgd", lambda p: optim.SGD(p, lr=0.1, weight_decay=0.01))
    optimizer_case("momentum", lambda p: optim.SGD(p, lr=0.1, momentum=0.8))
    optimizer_case("nesterov", lambda p: optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True))
    optimizer_case("rmsprop", lambda p: optim.RMSprop(p, lr=0.01, alpha=0.95, eps=1e-8))
    optimizer_case("adam", lambda p: optim.Adam(p, lr=0.01, betas=(0.9, 0.99), eps=1e-7, weight_decay=0.02))
    optimizer_case("rmsprop_clipped", lambda p: optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-6), clip=1.5)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens.bin")
    with open(path, "wb") as out:
        out.write(b"SQGOLD1\n" + b"".join(records))
    print("%s: %d tensors, %d bytes, torch %s" % (path, len(records), os.path.getsize(path), torch.__version__))


main()
