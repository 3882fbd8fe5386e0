"""A forward pass compiled ahead of time: model.pt2, made by scripts/export.py with torch.export and AOTInductor.

Compiled code is for one version of PyTorch and one kind of processor: the package says which, and others are refused.
"""

from __future__ import annotations

import ctypes
import json
import platform
import tempfile
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

    Run = Callable[[list[torch.Tensor]], list[torch.Tensor]]

FILE = "model.pt2"
LIBRARY = ".wrapper.so"
OPERATORS = "extern_kernel_nodes"
"""Part of the name of what lists operators that compiled code calls PyTorch's dispatcher for."""
INSTRUCTIONS = ("avx", "amx", "bmi", "fma", "f16c", "sse4", "gfni", "vaes", "vpclmulqdq")
"""How the flags of instructions begin that a compiler takes by itself where a processor has them."""


class Description(NamedTuple):
    """What a package says of itself, in its metadata."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dtype: str
    """Of the weights: float32, bfloat16 or float16."""
    device: str
    """cpu or cuda."""
    torch: str
    processor: tuple[str, ...]
    """The instructions that the processor has which it was compiled on."""

    @classmethod
    def here(cls, inputs: Sequence[str], outputs: Sequence[str], dtype: str, device: str) -> Description:
        """Of a package that this machine makes now."""
        import torch

        return cls(tuple(inputs), tuple(outputs), dtype, device, torch.__version__, instructions())

    @classmethod
    def parse(cls, metadata: Mapping[str, str]) -> Description:
        fields: dict[str, Any] = json.loads(metadata["triton_pipelines"])
        named: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
        return cls(**named)

    def metadata(self) -> dict[str, str]:
        return {"triton_pipelines": json.dumps(self._asdict())}

    def check(self, device: str) -> None:
        """ValueError, with the remedy, where such a package cannot run."""
        import torch

        remedy = "Export the model again, here: scripts/export.py TASK --format aoti"
        if self.torch != torch.__version__:
            raise ValueError(f"{FILE} was compiled with torch {self.torch}; this is {torch.__version__}. {remedy}")
        if self.device != device.partition(":")[0]:
            raise ValueError(f"{FILE} was compiled for {self.device}; this instance runs on {device}. {remedy}")
        if self.device == "cpu" and (missing := sorted(set(self.processor) - set(instructions()))):
            raise ValueError(f"{FILE} was compiled for a processor with {', '.join(missing)}. {remedy}")


class Outputs:
    """What a forward pass gives, by name or by number, as the models' own outputs."""

    def __init__(self, names: Sequence[str], tensors: Sequence[torch.Tensor]) -> None:
        self.tensors = dict(zip(names, tensors, strict=True))

    def __getattr__(self, name: str) -> torch.Tensor:
        try:
            return self.__dict__["tensors"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, index: int) -> torch.Tensor:
        return list(self.tensors.values())[index]


class CompiledModel:
    """Called like the model that it was made of: tensors by name, an output with the same names.

    Args:
        path: of model.pt2.
        runners: calls that may be under way side by side.
    """

    limits: Mapping[str, int | None]
    """How many numbers the tables know that inputs look numbers up in. Compiled code that reads behind the end of a
    table ends the process."""

    def __init__(self, path: Path, device: str, runners: int = 1) -> None:
        self.limits = {}
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing. Make it: scripts/export.py TASK --format aoti")
        self.description = describe(path)
        self.description.check(device)
        self.run = load(path, device, runners)

    def __call__(self, inputs: Mapping[str, torch.Tensor]) -> Any:
        """An attention_mask that is not given leaves nothing out."""
        given = dict(inputs)
        if "attention_mask" in self.description.inputs and "attention_mask" not in given:
            given["attention_mask"] = _ones(next(iter(given.values())))
        if given.keys() != set(self.description.inputs):
            raise ValueError(f"{FILE} takes {', '.join(self.description.inputs)}; it was given {', '.join(given)}.")
        for name, limit in self.limits.items():
            if limit and name in given:
                least, largest = (int(bound) for bound in given[name].aminmax())
                if least < 0 or largest >= limit:
                    raise ValueError(f"{name} has {least if least < 0 else largest:,}; the model knows {limit:,}.")
        # Compiled code takes it that rows lie one behind the other.
        tensors = [given[name].contiguous() for name in self.description.inputs]
        return Outputs(self.description.outputs, self.run(tensors))


def describe(path: Path) -> Description:
    import torch

    loader: Any = torch._C._aoti.AOTIModelPackageLoader  # which its stubs do not have all of
    metadata = loader.load_metadata_from_package(str(path), "model")
    if "triton_pipelines" not in metadata:
        raise ValueError(f"{path} was not made by scripts/export.py, so its inputs are not known.")
    return Description.parse(metadata)


def instructions() -> tuple[str, ...]:
    """Those of this processor that compiled code may use, as Linux names them."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return (platform.machine(), *sorted(flag for flag in flags if flag.startswith(INSTRUCTIONS)))


def load(path: Path, device: str, runners: int) -> Run:
    """The package's function of a list of tensors."""
    from torch._inductor.package import load_package

    with zipfile.ZipFile(path) as package:
        names = package.namelist()
        libraries = [name for name in names if name.endswith(LIBRARY)]
        if device == "cpu" and len(libraries) == 1 and not any(OPERATORS in name for name in names):
            with tempfile.TemporaryDirectory(prefix="model-pt2-") as folder:
                return Library(Path(package.extract(libraries[0], folder)), runners).run
    index = int(device.partition(":")[2] or -1)
    return load_package(path, num_runners=runners, device_index=index).loader.boxed_run


class Library:
    """The compiled code itself, by AOTInductor's C interface. PyTorch's loader keeps Python's lock while it runs, so
    that passes of several threads would wait for each other; ctypes gives it back.

    Args:
        file: the shared library; it may be deleted once this is made.
    """

    def __init__(self, file: Path, runners: int) -> None:
        self.library = ctypes.CDLL(str(file))
        self.container = ctypes.c_void_p()
        count = ctypes.c_size_t()
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self.library.AOTInductorModelContainerRun.argtypes = [pointer, pointer, size, pointer, size, pointer, pointer]
        self._check(
            self.library.AOTInductorModelContainerCreateWithDevice(
                ctypes.byref(self.container), ctypes.c_size_t(runners), b"cpu", None
            )
        )
        self._check(self.library.AOTInductorModelContainerGetNumOutputs(self.container, ctypes.byref(count)))
        self.outputs = count.value
        self.free = threading.Semaphore(runners)

    def run(self, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
        import torch

        aoti = torch._C._aoti
        handles = aoti.unsafe_alloc_void_ptrs_from_tensors(inputs)  # the library takes them over
        given = (ctypes.c_void_p * len(handles))(*(_pointer(handle, None) for handle in handles))
        made = (ctypes.c_void_p * self.outputs)()
        with self.free:
            self._check(
                self.library.AOTInductorModelContainerRun(
                    self.container, given, len(given), made, self.outputs, None, None
                )
            )
        tensors: list[torch.Tensor] = aoti.alloc_tensors_by_stealing_from_void_ptrs(
            [_capsule(pointer, None, None) for pointer in made]
        )
        return tensors

    def _check(self, error: int) -> None:
        if error:
            raise RuntimeError(f"{FILE} failed; the reason is in the server's log.")


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype, _capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


def _ones(rows: torch.Tensor) -> torch.Tensor:
    """[rows, length] a mask that leaves nothing out."""
    import torch

    return torch.ones(rows.shape[:2], dtype=torch.int64, device=rows.device)
