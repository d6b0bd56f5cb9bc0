"""Fuses the nodes of the shipped float graphs for WebGPU, where every kernel costs a launch.

    python3 -m venv venv && venv/bin/pip install onnx
    venv/bin/python scripts/fuse-graphs.py
    npm run model-manifest

Writes onnx/model_webgpu.onnx and onnx/model_fp16_webgpu.onnx. The weights are not copied: the new
graphs name their places in the files of the old ones, so that both must lie side by side.

MultiHeadAttention is not used. From 32 tokens on, ONNX Runtime 1.30 computes it with a kernel that
starts from the attention weights of the step before, unless the GPU is of NVIDIA or Apple or has no
subgroups: cosines fall to 0.9985.
"""

from pathlib import Path

import onnx
from onnx import helper

FOLDER = Path("models/all-MiniLM-L6-v2/onnx")
LAYERS, HEADS, WIDTH = 6, 12, 384
EPSILON = 1e-12
MICROSOFT = "com.microsoft"
# Values in the shipped graphs.
BATCH, TOKENS = "/Gather_output_0", "/Gather_1_output_0"
EMBEDDED, MASK = "/ln/LayerNormalization_output_0", "/Cast_output_0"
ATTENTION_BIAS = "/Unsqueeze_1_output_0"
VECTORS = "sentence_embedding"
# Smaller tensors are copied.
SHARED_BYTES_MIN = 1024


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs, outputs, **attributes)


def constants():
    values = {
        "zero": [0],
        "one": [1],
        "heads": [3, HEADS, WIDTH // HEADS],
        "width": [WIDTH],
        "rows": [-1, WIDTH],
    }
    return [
        helper.make_tensor(f"fused.{name}", onnx.TensorProto.INT64, [len(value)], value)
        for name, value in values.items()
    ]


def shapes():
    """Rows are the tokens of all texts."""
    return [
        node("Unsqueeze", [BATCH, "fused.zero"], ["fused.batch"]),
        node("Unsqueeze", [TOKENS, "fused.zero"], ["fused.tokens"]),
        node("Concat", ["fused.batch", "fused.tokens", "fused.heads"], ["fused.by_head"], axis=0),
        node("Concat", ["fused.batch", "fused.tokens", "fused.width"], ["fused.by_text"], axis=0),
        node("Reshape", [EMBEDDED, "fused.rows"], ["fused.embedded"]),
    ]


def attention(at, x, weights, bias):
    """One product gives query, key and value of all heads: [3, batch, heads, tokens, width]."""
    parts = [f"{at}query", f"{at}key", f"{at}value"]
    query, key, value = (f"{part}s" for part in parts)
    return [
        node("Gemm", [x, weights, bias], [f"{at}qkv"]),
        node("Reshape", [f"{at}qkv", "fused.by_head"], [f"{at}by_token"]),
        node("Transpose", [f"{at}by_token"], [f"{at}by_head"], perm=[2, 0, 3, 1, 4]),
        node("Split", [f"{at}by_head"], parts, axis=0),
        *(node("Squeeze", [part, "fused.zero"], [f"{part}s"]) for part in parts),
        node("Transpose", [key], [f"{at}columns"], perm=[0, 1, 3, 2]),
        # The scaling is part of the query's weights.
        node("MatMul", [query, f"{at}columns"], [f"{at}products"]),
        node("Add", [f"{at}products", ATTENTION_BIAS], [f"{at}scores"]),
        node("Softmax", [f"{at}scores"], [f"{at}shares"], axis=-1),
        node("MatMul", [f"{at}shares", value], [f"{at}mixed"]),
        node("Transpose", [f"{at}mixed"], [f"{at}joined"], perm=[0, 2, 1, 3]),
        node("Reshape", [f"{at}joined", "fused.rows"], [f"{at}attention"]),
    ]


def encoder_layer(layer, x, result, prefix, suffix):
    at = f"fused.{layer}."
    own = f"{prefix}layers.{layer}."

    def product(rows, part):
        return node("MatMul", [rows, f"{own}{part}.{suffix}"], [f"{at}{part}"])

    def add_and_normalise(rows, part, norm, output):
        inputs = [rows, f"{at}{part}", f"{own}{norm}.w", f"{own}{norm}.b", f"{own}{part}.b"]
        return node(
            "SkipLayerNormalization", inputs, [output], domain=MICROSOFT, epsilon=EPSILON
        )

    return [
        *attention(at, x, f"{own}qkv.{suffix}", f"{own}qkv.b"),
        product(f"{at}attention", "o"),
        add_and_normalise(x, "o", "ln1", f"{at}attended"),
        product(f"{at}attended", "f1"),
        node("BiasGelu", [f"{at}f1", f"{own}f1.b"], [f"{at}inner"], domain=MICROSOFT),
        product(f"{at}inner", "f2"),
        add_and_normalise(f"{at}attended", "f2", "ln2", result),
    ]


def pooling(encoded, half):
    """The sum over a text's tokens, scaled to unit length: the same as for their mean."""
    rows = "fused.encoded"
    return [
        *([node("Cast", [encoded], [rows], to=onnx.TensorProto.FLOAT)] if half else []),
        node("Reshape", [rows if half else encoded, "fused.by_text"], ["fused.texts"]),
        node("Unsqueeze", [MASK, "fused.one"], ["fused.mask"]),
        node("MatMul", ["fused.mask", "fused.texts"], ["fused.sums"]),
        node("Squeeze", ["fused.sums", "fused.one"], ["fused.sum"]),
        node("ReduceL2", ["fused.sum"], ["fused.norm"], axes=[-1], keepdims=1),
        node("Div", ["fused.sum", "fused.norm"], [VECTORS]),
    ]


def needed(nodes, outputs):
    """The nodes on which the outputs depend, in their order."""
    wanted, kept = set(outputs), []
    for candidate in reversed(nodes):
        if wanted.intersection(candidate.output):
            wanted.update(candidate.input)
            kept.append(candidate)
    return kept[::-1]


def refer(tensor, file):
    """Replaces the tensor's bytes by their place in the file."""
    data, values = file.read_bytes(), tensor.raw_data
    place = {"location": file.name, "offset": data.index(values), "length": len(values)}
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in place.items():
        tensor.external_data.add(key=key, value=str(value))


def fuse(source, target, prefix, suffix, half):
    model = onnx.load(source)
    graph = model.graph
    old = list(graph.node)
    before = [item.output[0] for item in old].index(EMBEDDED) + 1
    # Scaling the weights does not depend on the text, so its place is free.
    scaling = [item for item in old if item.output[0].endswith(("w_dq", "w_h"))]
    nodes = [*old[:before], *shapes(), *scaling]
    x = "fused.embedded"
    for layer in range(LAYERS):
        result = f"fused.{layer}.result"
        nodes += encoder_layer(layer, x, result, prefix, suffix)
        x = result
    nodes = needed([*nodes, *pooling(x, half)], [VECTORS])
    names = {name for item in nodes for name in item.input}
    tensors = [item for item in [*graph.initializer, *constants()] if item.name in names]
    for tensor in tensors:
        if len(tensor.raw_data) >= SHARED_BYTES_MIN:
            refer(tensor, source)
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)
    model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    target.write_bytes(model.SerializeToString())
    print(f"{target}: {len(nodes)} nodes, {target.stat().st_size // 1024} KiB")


fuse(FOLDER / "model.onnx", FOLDER / "model_webgpu.onnx", "", "w_dq", half=False)
fuse(FOLDER / "model_fp16.onnx", FOLDER / "model_fp16_webgpu.onnx", "m.", "w_h", half=True)
