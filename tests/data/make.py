"""Make the pictures, videos and recordings of this folder again: python tests/data/make.py

Needs Pillow, PyAV, espeak-ng and ffmpeg.
"""

import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
SENTENCE = "Four score and seven years ago our fathers brought forth on this continent a new nation."
# Words for longer than the half minute that Whisper hears at once.
SPEECH = (HERE / "page.txt").read_text(encoding="utf-8").split("\n\n")[2]


def scene(width: int, height: int) -> Image.Image:
    """A sky and a field in gradients, a sun, a house and some noise: RGB."""
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.RandomState(7).randint(0, 24, (height, width))
    channels = [60 + 120 * columns / width + noise, 90 + 100 * rows / height + noise, 200 - 120 * rows / height + noise]
    image = Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.ellipse([0.65 * width, 0.1 * height, 0.85 * width, 0.1 * height + 0.2 * width], fill=(250, 220, 60))
    draw.rectangle([0.2 * width, 0.5 * height, 0.5 * width, 0.9 * height], fill=(150, 40, 30))
    corners = [(0.15 * width, 0.5 * height), (0.35 * width, 0.25 * height), (0.55 * width, 0.5 * height)]
    draw.polygon(corners, fill=(40, 40, 70))
    return image


def pictures() -> None:
    """The scene in the formats, modes and sizes that a request may bring."""
    image = scene(120, 90)
    image.save(HERE / "scene.jpg", quality=90)
    image.save(HERE / "scene.png")
    image.save(HERE / "scene.webp", lossless=True)
    image.convert("L").save(HERE / "grey.png")
    image.convert("CMYK").save(HERE / "cmyk.jpg", quality=90)
    image.quantize(64).save(HERE / "palette.png")
    image.convert("LA").save(HERE / "grey_alpha.png")
    transparent = image.convert("RGBA")
    transparent.putalpha(Image.linear_gradient("L").resize(image.size))
    transparent.save(HERE / "transparent.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be shown turned a quarter to the right
    image.save(HERE / "rotated.jpg", quality=90, exif=exif)
    scene(24, 100).save(HERE / "narrow.png")
    scene(400, 300).save(HERE / "large.jpg", quality=80)
    scene(32, 24).save(HERE / "tiny.png")
    scene(20, 30).save(HERE / "tiny_tall.png")
    scene(40, 33).save(HERE / "small.png")


def document() -> None:
    """A few words in black on white, for Tesseract."""
    image = Image.new("RGB", (420, 160), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=30)
    draw.text((20, 20), "Four score and seven", fill="black", font=font)
    draw.text((60, 90), "years ago", fill="black", font=font)
    image.save(HERE / "document.png")


def videos() -> None:
    """The scene in motion, 48x36: 20 frames in three containers, 3 frames, and 12 whose times are uneven."""
    for name, codec, count in (
        ("moving.mp4", "mpeg4", 20),
        ("moving.webm", "libvpx-vp9", 20),
        ("moving.gif", "gif", 20),
        ("short.mp4", "mpeg4", 3),
        ("uneven.mkv", "mpeg4", 12),
    ):
        with av.open(str(HERE / name), "w", options={"fflags": "+bitexact"}) as container:
            stream: Any = container.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 48, 36, "rgb8" if codec == "gif" else "yuv420p"
            stream.codec_context.flags |= av.codec.context.Flags.bitexact
            for number in range(count):
                picture = scene(120, 90).resize((72, 54)).crop((number, 9, number + 48, 45))
                frame = av.VideoFrame.from_image(picture)
                frame.pts = number**2 if name == "uneven.mkv" else number
                frame.time_base = Fraction(1, 10)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())


def recordings() -> None:
    """A spoken sentence in the containers, rates and channels that a request may bring; one of over half a minute."""
    with tempfile.TemporaryDirectory() as folder:
        spoken, long = Path(folder, "spoken.wav"), Path(folder, "long.wav")
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", str(spoken), SENTENCE], check=True)
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "170", "-w", str(long), SPEECH], check=True)
        convert(spoken, "speech.wav", "-ar", "16000")
        convert(spoken, "speech.flac", "-ar", "16000")
        convert(spoken, "speech_44100.mp3", "-ar", "44100", "-b:a", "64k")
        convert(spoken, "speech.ogg", "-ar", "22050", "-c:a", "libvorbis", "-q:a", "2")
        convert(spoken, "speech.m4a", "-ar", "22050", "-c:a", "aac", "-b:a", "48k")
        convert(spoken, "telephone.wav", "-ar", "8000")
        convert(
            spoken,
            "stereo.wav",
            "-ar",
            "16000",
            "-t",
            "3",
            "-filter_complex",
            "[0:a][0:a]amerge,pan=stereo|c0=c0|c1=0.3*c1",
        )
        convert(spoken, "short.wav", "-ar", "16000", "-ss", "0.5", "-t", "0.4")
        convert(long, "long.ogg", "-ar", "16000", "-c:a", "libvorbis", "-q:a", "0")


def convert(source: Path, name: str, *options: str) -> None:
    """Write the recording `name`, without metadata that changes from run to run."""
    exact = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(source), *options, *exact, str(HERE / name)], check=True)


if __name__ == "__main__":
    pictures()
    document()
    videos()
    recordings()
