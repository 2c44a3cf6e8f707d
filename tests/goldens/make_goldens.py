#!/usr/bin/env python3
"""Writes goldens.bin: what PyTorch computes, in float64, for tests/test_goldens.c to compare with.

    python3 tests/goldens/make_goldens.py            needs torch on the CPU; the tests do not

A case is a set of named tensors "CASE/NAME".  Parameters are written the way libseqgpu has them:
  one bias             bias = b_ih + b_hh, its gradient that of b_ih (they are equal)
  GRU (reset_after)    bias = b_ih + [b_hh_r, b_hh_z, 0] and bias_rec = b_hh_n
  names                PyTorch's, "bias_l0" and "bias_rec_l0" being ours, and what normalisation needs
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


def normalise(a, gain, over, valid):
    """Rows [n, width], of which the valid ones are normalised over the units or over the batch; the rest is 0."""
    if over == "units":
        return nn.functional.layer_norm(a, a.shape[1:], gain, None, 1e-5)
    rows = nn.functional.batch_norm(a[valid], None, None, gain, None, True, 0.1, 1e-5)
    return torch.zeros_like(a).index_put((torch.nonzero(valid)[:, 0],), rows)


def normed_case(case, cell, over, reset_after=False, variant=(), T=6, B=4, I=5, H=7, lengths=(6, 6, 6, 6)):
    """What PyTorch has no layer for, step by step.  over: "units" (layer normalisation), "batch" (of each step), "run" (the
    input alone, over all steps) or None; variant: an LSTM's, in the words of Greff et al. 2017."""
    chosen = lambda word: word in variant
    blocks = {"rnn": "h", "gru": "ruc", "lstm": "ifgo"}[cell]
    for gate, word in (("i", "NIG"), ("f", "NFG"), ("o", "NOG")):
        blocks = blocks.replace(gate, "") if chosen(word) else blocks
    G = len(blocks) * H
    params = {"weight_ih": random(G, I), "bias": random(G), "weight_hh": random(G, H)}
    if cell == "gru" and reset_after:
        params["bias_rec"] = random(H)
    recurrent = over in ("units", "batch")
    if over and not (cell == "rnn" and over == "units"):
        params["gain_ih"] = random(G)
    if recurrent:
        params["gain_hh"] = random(G)
    if chosen("FGR"):
        params["weight_gates"] = random(G - H, G - H)
    if recurrent and cell == "lstm":
        params["gain_c"], params["bias_c"] = random(H), random(H)
    fixed = {}
    for name, value in params.items():
        if name.startswith("gain_") and over != "units":
            shape = (T if over == "batch" else 1, value.shape[0])
            fixed["running_mean" + name[4:]], fixed["running_var" + name[4:]] = torch.zeros(shape), torch.ones(shape)
    for tensor in params.values():
        tensor.requires_grad_()
    W = {name: params[name] for name in params}
    x, h0, c0 = random(T, B, I).requires_grad_(), random(1, B, H).requires_grad_(), random(1, B, H).requires_grad_()
    there = torch.tensor(lengths)[None, :] > torch.arange(T)[:, None]
    groups = ((0, 2 * H), (2 * H, G)) if cell == "gru" else ((0, G),)

    def contribution(a, gain, valid, first=0, wanted=True):
        return normalise(a, W[gain][first:first + a.shape[1]], over, valid) if wanted and over else a

    inputs = x @ W["weight_ih"].T
    if over and "gain_ih" in W:
        if over == "run":
            inputs = contribution(inputs.reshape(T * B, G), "gain_ih", there.reshape(-1)).reshape(T, B, G)
        else:
            inputs = torch.stack([torch.cat([contribution(inputs[t, :, a:b], "gain_ih", there[t], a) for a, b in groups], 1)
                                  for t in range(T)])
    h, c, ys = h0[0], c0[0], []
    if chosen("FGR"):
        q0 = random(1, B, G - H).requires_grad_()
        q = q0[0]
    for t in range(T):
        valid = there[t]
        product = lambda v, a, b: contribution(v @ W["weight_hh"][a:b].T, "gain_hh", valid, a, recurrent)
        if cell == "rnn":
            a = inputs[t] + h @ W["weight_hh"].T if over == "units" else inputs[t] + product(h, 0, G)
            new_h = torch.tanh((normalise(a, W["gain_hh"], over, valid) if over == "units" else a) + W["bias"])
        elif cell == "gru":
            a = inputs[t] + W["bias"]
            r, u = torch.sigmoid(a[:, :2 * H] + product(h, 0, 2 * H)).chunk(2, 1)
            q = product(h, 2 * H, G) + W["bias_rec"] if reset_after else product(r * h, 2 * H, G)
            new_h = (1 - u) * torch.tanh(a[:, 2 * H:] + (r * q if reset_after else q)) + u * h
        else:
            a = dict(zip(blocks, (inputs[t] + product(h, 0, G) + W["bias"]).split(H, 1)))
            if chosen("FGR"):
                seen = blocks.replace("g", "")
                a.update({k: a[k] + r for k, r in zip(seen, (q @ W["weight_gates"].T).split(H, 1))})
            gate = {k: torch.sigmoid(a[k]) if k in a else torch.ones(B, H) for k in "ifo"}
            new_c = gate["f"] * c + gate["i"] * (a["g"] if chosen("NIAF") else torch.tanh(a["g"]))
            out = normalise(new_c, W["gain_c"], over, valid) + W["bias_c"] if recurrent else new_c
            new_h = gate["o"] * (out if chosen("NOAF") else torch.tanh(out))
            c = torch.where(valid[:, None], new_c, c)
            if chosen("FGR"):
                q = torch.where(valid[:, None], torch.cat([gate[k] for k in seen], 1), q)
        h = torch.where(valid[:, None], new_h, h)
        ys.append(torch.where(valid[:, None], new_h, torch.zeros(1)))
    y = torch.stack(ys)
    dy, dht, dct = random(T, B, H), random(1, B, H), random(1, B, H)
    loss = (dy * y).sum() + (dht[0] * h).sum() + ((dct[0] * c).sum() if cell == "lstm" else 0)
    if chosen("FGR"):
        dqt = random(1, B, G - H)
        loss = loss + (dqt[0] * q).sum()
    loss.backward()
    rows = [("x", x), ("y", y), ("dy", dy), ("dx", x.grad), ("h0", h0), ("ht", h[None]), ("dht", dht), ("dh0", h0.grad)]
    if cell == "lstm":
        rows += [("c0", c0), ("ct", c[None]), ("dct", dct), ("dc0", c0.grad)]
    if chosen("FGR"):
        rows += [("q0", q0), ("qt", q[None]), ("dqt", dqt), ("dq0", q0.grad)]
    for name, tensor in params.items():
        rows += [(name + "_l0", tensor), ("d " + name + "_l0", tensor.grad)]
    for name, tensor in fixed.items():
        rows += [(name + "_l0", tensor), ("d " + name + "_l0", torch.zeros_like(tensor))]
    for name, tensor in rows:
        write(case + "/" + name, tensor)


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
    normed_case("lstm_nig_noaf", "lstm", None, variant=("NIG", "NOAF"))
    normed_case("lstm_nfg_nog_niaf", "lstm", None, variant=("NFG", "NOG", "NIAF"))
    normed_case("rnn_layer_norm", "rnn", "units", lengths=(6, 2, 6, 1))
    normed_case("lstm_layer_norm", "lstm", "units", lengths=(6, 2, 6, 1))
    normed_case("gru_layer_norm", "gru", "units")
    normed_case("gru_after_layer_norm", "gru", "units", reset_after=True)
    normed_case("rnn_batch_norm_input", "rnn", "run", lengths=(6, 2, 6, 1))
    normed_case("rnn_batch_norm_steps", "rnn", "batch")
    normed_case("lstm_batch_norm_input", "lstm", "run")
    normed_case("lstm_batch_norm_steps", "lstm", "batch", lengths=(6, 6, 6, 4))
    normed_case("gru_batch_norm_steps", "gru", "batch")
    normed_case("gru_after_batch_norm_steps", "gru", "batch", reset_after=True)
    normed_case("lstm_fgr", "lstm", None, variant=("FGR",), lengths=(6, 2, 5, 1))
    normed_case("lstm_fgr_nfg", "lstm", None, variant=("FGR", "NFG"))
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens.bin")
    with open(path, "wb") as out:
        out.write(b"SQGOLD1\n" + b"".join(records))
    print("%s: %d tensors, %d bytes, torch %s" % (path, len(records), os.path.getsize(path), torch.__version__))


if __name__ == "__main__":
    main()
