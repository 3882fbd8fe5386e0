"""Pictures that several tasks are asked about."""

from tests.cases import File, Picture

SCENE, LARGE, NARROW = (File(f"tests/data/{name}") for name in ("scene.jpg", "large.jpg", "narrow.png"))
TINY, TALL, SMALL = (File(f"tests/data/{name}") for name in ("tiny.png", "tiny_tall.png", "small.png"))
OPENED = Picture("tests/data/tiny.png")
NO_PICTURE = File("tests/data/page.txt")
KINDS = {
    kind: File(f"tests/data/{name}")
    for kind, name in {
        "webp": "scene.webp",
        "grey": "grey.png",
        "grey_alpha": "grey_alpha.png",
        "palette": "palette.png",
        "transparent": "transparent.png",
        "cmyk": "cmyk.jpg",
        "rotated": "rotated.jpg",
    }.items()
}
"""The scene in other modes and formats, and turned by its EXIF tag."""
