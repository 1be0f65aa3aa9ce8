"""A damped pendulum fitted to what a camera saw of it: SciPy's optimiser, and the gradient of a loop over time.

The recording is simulated, with noise, so that the true constants are known: nothing physical ships with SciPy or scikit-learn.

python -m examples.pendulum_fit
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import OptimizeResult, minimize

import hybrid as hy
from examples.compare import Comparison, compare, table

STEP = 0.01  # seconds between two pictures
TRUE = np.array([1.9, 0.0, 9.81 / 0.83, 0.12, 0.04])  # angle and speed at the start, g / length, friction, air drag
GUESS = np.array([1.5, 0.2, 9.0, 0.0, 0.0])


def acceleration(angle, speed, gravity, friction, drag):
    return -gravity * np.sin(angle) - friction * speed - drag * speed * np.abs(speed)


def move(angle, speed, constants):
    """One step by the midpoint rule."""
    middle = speed + 0.5 * STEP * acceleration(angle, speed, *constants)
    return (
        angle + STEP * middle,
        speed + STEP * acceleration(angle + 0.5 * STEP * speed, middle, *constants),
    )


def misfit(parameters, seen):
    """The mean square of the distance between the angles that were seen and those of a pendulum with these parameters."""
    angle, speed, constants = parameters[0], parameters[1], parameters[2:]
    total = 0.0
    for k in range(len(seen)):
        total += (angle - seen[k]) ** 2
        angle, speed = move(angle, speed, constants)
    return total / len(seen)


slope = hy.value_and_grad(misfit)
fast_slope = hy.function(slope, strict=True)


def recording(pictures: int = 600, noise: float = 0.02) -> np.ndarray:
    """The angles, in radians, that the camera saw: float64, with an error of `noise` each."""
    angle, speed, constants = TRUE[0], TRUE[1], TRUE[2:]
    angles = np.empty(pictures)
    for k in range(pictures):
        angles[k] = angle
        angle, speed = move(angle, speed, constants)
    return angles + noise * np.random.default_rng(7).standard_normal(pictures)


def fit(seen: np.ndarray) -> OptimizeResult:
    return minimize(fast_slope, GUESS, args=(seen,), jac=True, method="BFGS", options={"gtol": 1e-7})


def run(pictures: int = 600) -> list[Comparison]:
    seen = recording(pictures)
    return [compare(f"pendulum, misfit and gradient, {pictures} steps", slope, fast_slope, (GUESS, seen), rtol=1e-8, atol=1e-9)]


if __name__ == "__main__":
    print(table(run()) + "\n")
    seen = recording()
    found = fit(seen)
    loops = fast_slope.loops(GUESS, seen).count(f"< {len(seen)}:\n    s0 = ")
    print(f"{found.nfev} evaluations of {loops} loops over time: there, again to save what the way back needs, and back")
    print(f"the fitted pendulum is {np.sqrt(found.fun):.4f} rad from the recording, whose noise is 0.02\n")
    names = ("angle at first, rad", "speed at first, rad/s", "gravity / length, 1/s²", "friction, 1/s", "air drag, 1/rad")
    for name, guess, value, true in zip(names, GUESS, found.x, TRUE, strict=True):
        print(f"{name:24} guessed {guess:6.3f}   fitted {value:6.3f}   true {true:6.3f}")
