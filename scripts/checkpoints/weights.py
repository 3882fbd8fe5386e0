"""Random weights that depend on nothing but a parameter's name and shape."""

import hashlib
import re

import numpy as np

Arrays = dict[str, np.ndarray]


def draw(name: str, array: np.ndarray, gains: dict[str, float]) -> np.ndarray:
    """Random values for the parameter `name`, in the shape and type of `array`.

    Matrices and convolutions keep the variance of their input, norms stay near one, biases near zero; the first pattern
    of `gains` that is found in the name multiplies the spread. Integer buffers and single numbers stay as they are.
    """
    if not np.issubdtype(array.dtype, np.floating) or not array.shape:
        return array
    # RandomState is frozen: the same seed gives the same numbers in every release of numpy.
    seed = hashlib.sha256(f"{name} {array.shape}".encode()).digest()[:4]
    noise = np.random.RandomState(int.from_bytes(seed, "little")).standard_normal(array.shape)
    gain = next((gain for pattern, gain in gains.items() if re.search(pattern, name)), 1.0)
    return (centre(name, array.shape) + gain * spread(name, array.shape) * noise).astype(array.dtype)


def bias_tokens(arrays: Arrays, embedding: str, norm: str, biases: dict[int, float]) -> None:
    """Give a head that is tied to the token embedding a bias: add `biases[token]` to the logit of each token named.

    The first hidden state behind the last norm becomes the constant one, so its column of the embedding is the bias.
    """
    arrays[f"{norm}.weight"][0], arrays[f"{norm}.bias"][0] = 0.0, 1.0
    arrays[f"{embedding}.weight"][:, 0] = 0.0
    for token, bias in biases.items():
        arrays[f"{embedding}.weight"][token, 0] = bias


def centre(name: str, shape: tuple[int, ...]) -> float:
    """One for the scales of norms and for variances, zero for all else."""
    is_scale = len(shape) <= 1 and name.endswith(("weight", "gamma", "layer_scale_parameter", "running_var"))
    return 1.0 if is_scale or name.endswith("original0") else 0.0


def spread(name: str, shape: tuple[int, ...]) -> float:
    """The standard deviation: 1 / sqrt(fan in) for matrices, 0.1 for vectors."""
    if len(shape) <= 1 or name.endswith("original0"):
        return 0.1
    fan_in = shape[-1] if re.search("emb|token", name) else np.prod(shape[1:])
    return float(fan_in**-0.5)
