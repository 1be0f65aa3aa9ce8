"""A small darkroom: Gaussian blur, unsharp mask, Sobel edges and a tone curve on scikit-learn's two photographs.

python -m examples.image_pipeline      writes examples/out/china.png and examples/out/flower.png
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

import hybrid as hy
from examples.compare import Comparison, compare, table

OUT = Path(__file__).parent / "out"


def gaussian(sigma: float) -> list[float]:
    """The weights of a Gaussian cut off at three sigma; they sum to one."""
    radius = math.ceil(3 * sigma)
    weights = [math.exp(-0.5 * (i / sigma) ** 2) for i in range(-radius, radius + 1)]
    return [weight / sum(weights) for weight in weights]


KERNEL = gaussian(1.5)


def blur(image):
    """Down the columns, then along the rows; the border repeats."""
    height, width, _ = image.shape
    radius = len(KERNEL) // 2
    tall = np.pad(image, ((radius, radius), (0, 0), (0, 0)), mode="edge")
    image = sum(weight * tall[i : i + height] for i, weight in enumerate(KERNEL))
    wide = np.pad(image, ((0, 0), (radius, radius), (0, 0)), mode="edge")
    return sum(weight * wide[:, i : i + width] for i, weight in enumerate(KERNEL))


def sobel(grey):
    """The length of the gradient, scaled so that the strongest edge is 1."""
    p = np.pad(grey, 1, mode="edge")
    across = (p[:-2, 2:] - p[:-2, :-2]) + 2 * (p[1:-1, 2:] - p[1:-1, :-2]) + (p[2:, 2:] - p[2:, :-2])
    down = (p[2:, :-2] - p[:-2, :-2]) + 2 * (p[2:, 1:-1] - p[:-2, 1:-1]) + (p[2:, 2:] - p[:-2, 2:])
    length = np.sqrt(across**2 + down**2)
    return length / length.max()


def tone_curve(image):
    """A contrast curve: squared in the shadows, mirrored in the lights."""
    return np.where(image < 0.5, 2 * image**2, 1 - 2 * (1 - image) ** 2)


def develop(photo, sharpness, ink):
    """A uint8 photograph to float32 in 0..1: sharpened, its contrast raised, its edges inked."""
    image = photo.astype(np.float32) / 255
    sharp = np.clip(image + sharpness * (image - blur(image)), 0, 1)
    grey = 0.299 * sharp[..., 0] + 0.587 * sharp[..., 1] + 0.114 * sharp[..., 2]
    edges = sobel(grey)
    toned = 0.5 * sharp + 0.5 * tone_curve(sharp)
    return toned * (1 - ink * edges[..., np.newaxis])


fast_develop = hy.function(develop)


def photographs() -> dict[str, np.ndarray]:
    """Two colour photographs of 427 by 640 pixels, uint8."""
    from sklearn.datasets import load_sample_images

    bunch = load_sample_images()
    return {Path(name).stem: image for name, image in zip(bunch.filenames, bunch.images, strict=True)}


def save(name: str, image: np.ndarray) -> Path:
    from PIL import Image

    OUT.mkdir(exist_ok=True)
    path = OUT / f"{name}.png"
    Image.fromarray((image * 255 + 0.5).astype(np.uint8)).save(path)
    return path


def run() -> list[Comparison]:
    photo = photographs()["china"]
    return [compare("image pipeline, 427 x 640", develop, fast_develop, (photo, 1.2, 0.7), rtol=1e-5, atol=1e-5)]


def develop_all() -> list[str]:
    """Develop every photograph into a PNG; the files written, as seen from here."""
    return [os.path.relpath(save(name, fast_develop(photo, 1.2, 0.7))) for name, photo in photographs().items()]


if __name__ == "__main__":
    print(table(run()) + "\n")
    print("\n".join(f"wrote {path}" for path in develop_all()))
