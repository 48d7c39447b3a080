#!/usr/bin/env python3
"""PyTorch in bfloat16 with its fastest attention, on the shape of Llama 3.1 8B with random weights, for comparison
with engine_bench on the same machine:  torch_baseline.py [--lengths 8192,32768]

Prints: full prefill; FastKV cold (layers 0..15 over everything, the others over 20 %); the late stage alone; a large
matrix product; attention alone; a copy. Times are medians of three.
"""
import argparse
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

LAYERS, WIDTH, FEED_FORWARD, HEADS, KV_HEADS, SIZE, VOCABULARY = 32, 4096, 14336, 32, 8, 128, 128256
TSP_LAYER, RATE = 15, 0.2


def median(work, runs=3):
    work()
    times = []
    for _ in range(runs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1e3)
    return sorted(times)[runs // 2]


class Model:
    def __init__(self):
        def matrix(rows, columns):
            return torch.randn(rows, columns, device="cuda", dtype=torch.bfloat16) * 0.02

        self.layers = [(matrix(WIDTH + 2 * KV_HEADS * SIZE, WIDTH), matrix(WIDTH, WIDTH),
                        matrix(2 * FEED_FORWARD, WIDTH), matrix(WIDTH, FEED_FORWARD)) for _ in range(LAYERS)]
        self.norm = torch.ones(WIDTH, device="cuda", dtype=torch.bfloat16)
        self.output = matrix(VOCABULARY, WIDTH)

    def run(self, x, first, last):
        n = x.shape[0]
        angle = torch.arange(n, device="cuda")[:, None] * torch.rand(SIZE // 2, device="cuda")
        cos, sin = (t.to(torch.bfloat16)[:, None, :] for t in (angle.cos(), angle.sin()))

        def rotate(t):
            a, b = t.chunk(2, -1)
            return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)

        for qkv, out, gate_up, down in self.layers[first:last + 1]:
            y = F.linear(F.rms_norm(x, (WIDTH,), self.norm), qkv)
            q, k, v = y.split((HEADS * SIZE, KV_HEADS * SIZE, KV_HEADS * SIZE), -1)
            q, k = rotate(q.view(n, HEADS, SIZE)), rotate(k.view(n, KV_HEADS, SIZE))
            v = v.view(n, KV_HEADS, SIZE)
            with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
                o = F.scaled_dot_product_attention(q.transpose(0, 1)[None], k.transpose(0, 1)[None],
                                                   v.transpose(0, 1)[None], is_causal=True, enable_gqa=True)
            x = x + F.linear(o[0].transpose(0, 1).reshape(n, -1), out)
            gate, up = F.linear(F.rms_norm(x, (WIDTH,), self.norm), gate_up).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, down)
        return x

    def logits(self, x):
        return F.linear(F.rms_norm(x[-1:], (WIDTH,), self.norm), self.output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", default="8192,32768")
    lengths = [int(n) for n in parser.parse_args().lengths.split(",")]
    print(torch.cuda.get_device_name(0), "PyTorch", torch.__version__)
    a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    print(f"product 8192^3: {2 * 8192 ** 3 / median(lambda: a @ a) / 1e9:.0f} TFLOP/s")
    big = torch.empty(2 ** 30, device="cuda", dtype=torch.uint8)
    other = torch.empty_like(big)
    print(f"copy: {2 * big.numel() / median(lambda: other.copy_(big)) / 1e6:.0f} GB/s")
    model = Model()
    with torch.inference_mode():
        for n in lengths:
            x = torch.randn(n, WIDTH, device="cuda", dtype=torch.bfloat16)
            carried = torch.arange(0, n, 5, device="cuda")

            def fast():
                y = model.run(x, 0, TSP_LAYER)
                model.logits(model.run(y[carried], TSP_LAYER + 1, LAYERS - 1))

            print(f"{n:8d}  full prefill  {median(lambda: model.logits(model.run(x, 0, LAYERS - 1))):10.1f} ms")
            print(f"{n:8d}  FastKV cold   {median(fast):10.1f} ms")
            late = median(lambda: model.logits(model.run(x[carried], TSP_LAYER + 1, LAYERS - 1)))
            print(f"{n:8d}  late stage    {late:10.1f} ms")
            q = torch.randn(1, HEADS, n, SIZE, device="cuda", dtype=torch.bfloat16)
            kv = torch.randn(1, KV_HEADS, n, SIZE, device="cuda", dtype=torch.bfloat16)
            with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
                ms = median(lambda: F.scaled_dot_product_attention(q, kv, kv, is_causal=True, enable_gqa=True))
            print(f"{n:8d}  attention     {2 * n * n * HEADS * SIZE / ms / 1e9:10.0f} TFLOP/s")


main()
