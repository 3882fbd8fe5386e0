import numpy as np
import pytest

from tests.clients.fake import fake, floats, ints
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def convolved(request: Request) -> Tensors:
    """Channels, rows, columns: [2, 1, 3] and, as its second row where there is one, [2, 2, 1], padded."""
    rows = [[[1, 2, 3], [4, 5, 6]], [[7, 8, 0], [9, 10, 0]]][: len(request.tensors["IMAGE"])]
    return {"FEATURES": floats(*rows), "SHAPE": ints(*[[2, 1, 3], [2, 2, 1]][: len(rows)])}


def test_features_have_their_shape_and_a_batch_dimension() -> None:
    extract, _ = fake("image-feature-extraction", convolved)
    assert extract(b"image") == [[[[1, 2, 3]], [[4, 5, 6]]]]
    assert extract([b"image", b"other"]) == [[[[[1, 2, 3]], [[4, 5, 6]]]], [[[[7], [8]], [[9], [10]]]]]


def test_tensors_are_arrays() -> None:
    extract, transport = fake("image-feature-extraction", lambda _: {"FEATURES": floats([[1, 2]]), "SHAPE": ints([2])})
    result = extract(b"image", return_tensors=True, pool=True)
    assert result.dtype == np.float32 and result.flags.writeable and result.tolist() == [[1, 2]]
    assert transport.request.parameters == {"pool": True}


def test_processors_are_the_servers() -> None:
    extract, _ = fake("image-feature-extraction", convolved)
    with pytest.raises(InvalidInput, match=r"preprocessor_config\.json"):
        extract(b"image", image_processor_kwargs={"do_resize": False})
