"""Cases of video-classification."""

from typing import Any

from tests.cases import REFUSED_TOO, ROOT, Case, File, Generator

VIDEOMAE = "video_classification_videomae"
TIMESFORMER = "video_classification_timesformer"
VIVIT = "video_classification_vivit"
ALL = {"videomae": VIDEOMAE, "timesformer": TIMESFORMER, "vivit": VIVIT}
MP4, WEBM, GIF, SHORT, UNEVEN = (
    File(f"tests/data/{name}") for name in ("moving.mp4", "moving.webm", "moving.gif", "short.mp4", "uneven.mkv")
)


def mend(pipeline: Any, case: Case) -> dict[str, Any]:
    """Bring ViViT's image processor, which the pipeline of 4.48 does not look for."""
    from transformers import AutoImageProcessor

    if pipeline.image_processor is None:
        pipeline.image_processor = AutoImageProcessor.from_pretrained(ROOT / ".checkpoints" / case.checkpoint)
    return {}


CASES = [
    *(Case(f"{name}_one", checkpoint, MP4) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_{kind}", checkpoint, video)
        for name, checkpoint in ALL.items()
        for kind, video in (("webm", WEBM), ("gif", GIF), ("uneven", UNEVEN))
    ),
    *(Case(f"{name}_sampling_rate", checkpoint, MP4, {"frame_sampling_rate": 4}) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_{function}", checkpoint, MP4, {"function_to_apply": function})
        for name, checkpoint in ALL.items()
        for function in ("softmax", "sigmoid", "none")
    ),
    Case("top_k", VIDEOMAE, MP4, {"top_k": 2}),
    Case("top_k_above_labels", VIDEOMAE, MP4, {"top_k": 100}),
    Case("top_k_of_constructor", VIDEOMAE, MP4, init={"top_k": 1}),
    Case("its_own_num_frames", VIDEOMAE, MP4, {"num_frames": 4}),
    Case("other_num_frames", TIMESFORMER, MP4, {"num_frames": 5}, refused="3 frames and got 5", note=REFUSED_TOO),
    Case("wrong_num_frames", VIDEOMAE, MP4, {"num_frames": 6}, refused="4 frames and got 6", note=REFUSED_TOO),
    Case("short", TIMESFORMER, SHORT, note="just long enough"),
    Case("too_short", VIDEOMAE, SHORT, refused="4 frames and got 3", note=REFUSED_TOO),
    Case("list", VIDEOMAE, [MP4, WEBM, UNEVEN]),
    Case("list_of_one", VIVIT, [MP4]),
    Case("generator", VIDEOMAE, Generator((MP4, GIF))),
    Case("videos", VIDEOMAE, parameters={"videos": MP4}, note="the argument's name of old"),
    Case("no_video", VIDEOMAE, File("tests/data/speech.wav"), refused="no video track", note=REFUSED_TOO),
    Case("not_a_video", VIDEOMAE, File("tests/data/page.txt"), refused="format", note="the oracle shows it as a film"),
]
