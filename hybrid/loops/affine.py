from hybrid.core.affine import Affine  # noqa: F401
