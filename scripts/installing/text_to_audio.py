"""What a text-to-audio checkpoint is installed with: SpeechT5's vocoder, and the voices of Bark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from installing.source import CheckpointError, Source, fetch, place, place_weights, weights

DEFAULT_VOCODER = "microsoft/speecht5_hifigan"
"""DEFAULT_VOCODER_ID of the pipeline."""
VOCODER = "vocoder"
"""Its folder inside the model's; a checkpoint that has such a folder brings its own."""
LIST = "speaker_embeddings_path.json"


def find_vocoder(
    task: str, config: dict[str, Any], source: Source, asked: str | None, allow_pickle: bool
) -> Source | None:
    """The vocoder that a checkpoint is to be installed with; None where it needs none.

    Args:
        asked: what the caller names, an id on the Hub or a folder.
    """
    if task != "text_to_audio" or config.get("model_type") != "speecht5":
        if asked is not None:
            raise CheckpointError("--vocoder is for models that make spectrograms, SpeechT5; leave it out")
        return None
    if asked is None and (source.folder / VOCODER).is_dir():
        return Source(f"{source.checkpoint}/{VOCODER}", source.revision, source.folder / VOCODER)
    try:
        found = fetch(asked or DEFAULT_VOCODER, None, allow_pickle, False)
    except CheckpointError as error:
        raise CheckpointError(f"SpeechT5 needs a vocoder: {error}; name one by --vocoder") from None
    vocoder = found.config()
    if vocoder.get("model_in_dim", 80) != (bins := config.get("num_mel_bins", 80)):
        raise CheckpointError(
            f"the vocoder {found.checkpoint} takes {vocoder.get('model_in_dim', 80)} mel bins, the model makes {bins}"
        )
    return found


def place_vocoder(vocoder: Source, model: Path, postprocess: Path, allow_pickle: bool) -> None:
    """Its weights into the model's folder; its configuration, which tells the sampling rate, into both."""
    for folder in (model, postprocess):
        (folder / VOCODER).mkdir()
        place([vocoder.folder / "config.json"], folder / VOCODER, link=False)
    place_weights(vocoder, weights(vocoder, allow_pickle), model / VOCODER)


def place_voices(source: Source, folder: Path) -> None:
    """The arrays of Bark's voices into the model's folder, as speaker_embeddings_path.json names them."""
    voices = [files for files in source.read(LIST).values() if isinstance(files, dict)]
    for path in {path for files in voices for path in files.values()}:
        file = source.folder / path
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise CheckpointError(f"{LIST} of {source.checkpoint} names a file outside of it: {path!r}")
        if not file.is_file():
            raise CheckpointError(f"{source.checkpoint} is incomplete: {path} is missing, which {LIST} names")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        place([file], (folder / path).parent, link=source.revision is not None)
