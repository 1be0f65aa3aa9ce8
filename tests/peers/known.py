"""Operations whose gradients differ from a peer's, and why."""

KNOWN: dict[str, str] = {
    "digamma": "JAX's derivative of it is right to six digits",
}
