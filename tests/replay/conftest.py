"""What the replay suite shares: calling decorated and undecorated functions in turn, and programs in processes of their own.

Each test replays a complaint about another tracer, named in the comment above it as repository#number, in this one.
"""

from tests.staging.conftest import invisible

__all__ = ["invisible"]
