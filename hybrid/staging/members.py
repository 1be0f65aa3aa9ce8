"""What users' classes do: their methods, properties and operators, which are watched for others in their place.

No chain of names leads to them where an object stands in a list or is called, indexed or added.
"""

from __future__ import annotations

import gc
import types
from collections.abc import Iterable, Sequence
from typing import Any

from hybrid.staging.chains import MISSING

_STORAGE = (types.MemberDescriptorType, types.GetSetDescriptorType)


def methods(kinds: Iterable[type]) -> tuple[str, ...]:
    """The names under which some of these classes have a method, a property or another descriptor."""
    found = {name for kind in kinds for name, member in vars(kind).items() if _acts(member)}
    return tuple(sorted(found))


def members(kind: type, names: Sequence[str]) -> tuple[Any, ...]:
    """What a class itself has under these names."""
    own = vars(kind)
    return tuple(own.get(name, MISSING) for name in names)


def put_members(kind: type, names: Sequence[str], values: Sequence[Any]) -> None:
    """Leave in a class what it had under these names."""
    for name, now, before in zip(names, members(kind, names), values):
        if before is MISSING and now is not MISSING:
            delattr(kind, name)
        elif now is not before:
            setattr(kind, name, before)


def namespace(kind: type) -> dict[str, Any]:
    """The dict itself behind `vars` of a class, whose version tells machine code that nothing has changed."""
    (found,) = gc.get_referents(vars(kind))
    return found


def _acts(member: Any) -> bool:
    return hasattr(type(member), "__get__") and not isinstance(member, _STORAGE)
