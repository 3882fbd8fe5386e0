"""Linear layers with their weights in oneDNN's own layout, which PyTorch's Inductor gives a frozen model on a CPU.

Plain PyTorch hands each pass the weights as they lie, row by row, to MKL, or has oneDNN bring them into its layout on
each call (bfloat16). Brought there once, passes of an encoder of MiniLM's size take 0.6 to 0.8 of the time.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MIN_ELEMENTS = 1 << 17
"""Of a weight that is brought into oneDNN's layout: calling its kernel takes some microseconds more, which smaller ones
do not win back (256 x 256 does not, 384 x 384 does from two tokens on)."""


def prepack(model: torch.nn.Module) -> None:
    """Have the linear layers of a model on the CPU, float32 or bfloat16, run on prepacked weights.

    The weights themselves stay, for code that looks at them; memory for a second copy is the price. Layers that are
    small or not plain `torch.nn.Linear`, and types that the processor has no oneDNN kernels for, stay as they are.
    """
    import torch

    mkldnn = torch.ops.mkldnn
    if not torch.backends.mkldnn.is_available():
        return
    dtypes = {torch.float32, *([torch.bfloat16] if mkldnn._is_mkldnn_bf16_supported() else [])}
    for module in model.modules():
        if type(module) is not torch.nn.Linear or module.weight.numel() < MIN_ELEMENTS:
            continue
        if module.weight.dtype in dtypes:
            weight = mkldnn._reorder_linear_weight(module.weight.detach(), None)
            module.forward = partial(_linear, mkldnn._linear_pointwise, weight, module.bias)  # type: ignore[method-assign]


def _linear(
    operator: torch._ops.OpOverloadPacket, weight: torch.Tensor, bias: torch.Tensor | None, input: torch.Tensor
) -> torch.Tensor:
    return operator(input, weight, bias, "none", [], "")
