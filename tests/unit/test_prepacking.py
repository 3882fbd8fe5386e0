"""Linear layers on prepacked weights give what they gave before."""

import pytest
import torch

from python_backend.prepacking import prepack


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(256,), (1, 256), (0, 256), (2, 3, 256), (2, 0, 256), (2, 3, 4, 256)])
@pytest.mark.parametrize("bias", [True, False])
def test_answers_stay(dtype: torch.dtype, shape: tuple[int, ...], bias: bool) -> None:
    layer = torch.nn.Linear(256, 512, bias=bias, dtype=dtype).requires_grad_(False)
    inputs = torch.randn(shape, dtype=dtype)
    expected = layer(inputs)
    prepack(layer)
    torch.testing.assert_close(layer(inputs), expected)


def test_inputs_may_lie_across_memory() -> None:
    layer = torch.nn.Linear(256, 512).requires_grad_(False)
    inputs = torch.randn(256, 5).t()
    expected = layer(inputs)
    prepack(layer)
    torch.testing.assert_close(layer(inputs), expected)


def test_only_large_plain_linear_layers_are_prepacked_and_their_weights_stay() -> None:
    class Scaled(torch.nn.Linear):
        pass

    small, double = torch.nn.Linear(256, 256), torch.nn.Linear(256, 512, dtype=torch.float64)
    model = torch.nn.Sequential(torch.nn.Linear(256, 512), Scaled(256, 512), small, double)
    weights = [parameter.clone() for parameter in model.parameters()]
    prepack(model)
    assert ["forward" in vars(layer) for layer in model] == [True, False, False, False]
    for parameter, weight in zip(model.parameters(), weights, strict=True):
        torch.testing.assert_close(parameter, weight)
