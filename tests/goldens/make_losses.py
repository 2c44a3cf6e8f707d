#!/usr/bin/env python3
"""Writes losses.bin: what PyTorch computes, in float64, for tests/test_ctc.c and tests/test_mixture.c to compare with.

    python3 tests/goldens/make_losses.py             needs torch on the CPU; the tests do not

A case of CTC has logits [T,B,K], labels [L,B], lengths and label_lengths [B], blank [1], and what PyTorch makes of them:
the loss of each pair, 0 where it is impossible (zero_infinity), and the gradient of their sum.  A case of a mixture has
params [R,1+6M], points [R,3], and the loss of each row and the gradient of their sum by torch.distributions.  The form
of the file is that of make_goldens.py, next to this one.
"""
import os

import torch

from make_goldens import records, write


def ctc_case(case, T, B, K, L, lengths, label_lengths, blank):
    classes = torch.tensor([k for k in range(K) if k != blank])
    labels = classes[torch.randint(0, K - 1, (B, L))]
    labels[0, 1:3] = labels[0, 0]  # repeats
    logits = (3 * torch.randn(T, B, K)).requires_grad_()
    each = torch.nn.functional.ctc_loss(logits.log_softmax(2), labels, torch.tensor(lengths),
                                        torch.tensor(label_lengths), blank, "none", zero_infinity=True)
    each.sum().backward()
    for name, tensor in (("logits", logits), ("labels", labels.t()), ("lengths", torch.tensor(lengths)),
                         ("label_lengths", torch.tensor(label_lengths)), ("blank", torch.tensor([blank])),
                         ("each", each), ("dlogits", logits.grad)):
        write(case + "/" + name, tensor)


def mixture_case(case, R, M):
    params = (1.5 * torch.randn(R, 1 + 6 * M)).requires_grad_()
    points = torch.cat([torch.randn(R, 2), torch.randint(0, 2, (R, 1)).to(torch.float64)], 1)
    weight, mx, my, sx, sy, r = params[:, 1:].reshape(R, 6, M).unbind(1)
    deviation, rho = torch.stack([sx, sy], 2).exp(), torch.tanh(r)
    covariance = deviation[..., :, None] * deviation[..., None, :]
    covariance = covariance * torch.stack([torch.stack([torch.ones_like(rho), rho], 2),
                                           torch.stack([rho, torch.ones_like(rho)], 2)], 3)
    gaussians = torch.distributions.MultivariateNormal(torch.stack([mx, my], 2), covariance)
    mixture = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=weight), gaussians)
    each = -mixture.log_prob(points[:, :2]) - torch.distributions.Bernoulli(logits=params[:, 0]).log_prob(points[:, 2])
    each.sum().backward()
    for name, tensor in (("params", params), ("points", points), ("each", each), ("dparams", params.grad)):
        write(case + "/" + name, tensor)


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(20261127)
    ctc_case("ctc_ragged", 12, 5, 6, 4, [12, 7, 4, 9, 3], [4, 3, 0, 1, 4], 2)  # the last pair is impossible
    ctc_case("ctc_long", 640, 1, 4, 270, [640], [270], 0)  # more labels than cuDNN's 255
    mixture_case("mixture", 9, 20)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "losses.bin"), "wb") as out:
        out.write(b"SQGOLD1\n" + b"".join(records))


if __name__ == "__main__":
    main()
