"""A generator of NumPy's in a native entry: held while kernels draw from it, and left as it was where the call is Python's.

What `drawing.During` does for a run from Python: NumPy's lock is taken, since kernels draw without it, and the memory that is
the generator's state is copied before anything is drawn.
"""

from __future__ import annotations

from hybrid.core import npyrandom
from hybrid.staging import capi
from hybrid.staging.checks import Checks
from hybrid.staging.spec import ACQUIRE, API, CAPSULE, LOCK, RELEASE, TABLE, EntrySpec


class Held(Checks):
    """The part of an entry that holds its generator."""

    def __init__(self, spec: EntrySpec):
        super().__init__(spec)
        self.lock = self.alloca("ptr") if spec.source else ""  # holds the lock while that is ours
        self.address = self.gauss = ""  # what kernels draw from: the `bitgen_t`, and a `RandomState`'s `aug_bitgen`
        self.copies: list[tuple[str, str, int]] = []  # where each part of the state is, its copy, and its bytes

    def take(self) -> None:
        """Take the generator's lock, find what kernels draw from, and copy its state."""
        source = self.spec.source
        assert source is not None
        generator = self.objects[source.of] if type(source.of) is int else self.ref(source.of)
        names = [f"ptr {self.ref(name)}" for name in (source.names[0], LOCK, ACQUIRE, CAPSULE)]
        given = f"ptr {generator}, ptr {self.ref(source.bits)}, {', '.join(names)}, ptr {self.lock}"
        self.address = self.support("taken", f"ptr @hybrid_entry_taken({given})")
        self.require(self.icmp("ne", "ptr", self.address, "null"), "untaken")
        self.gauss = self.at(generator, npyrandom.place_of_gauss() or 0) if source.legacy else ""
        state = self.load("ptr", self.address)
        regions = [(self.load("ptr", state, offset) if inner else self.at(state, offset), size)
                   for inner, offset, size in npyrandom.parts(source.bits) or ()]  # fmt: skip
        if source.legacy:
            offset, size = npyrandom.GAUSS_KEPT
            regions.append((self.at(self.gauss, offset), size))
        for region, size in regions:
            place, copy = self.alloca("ptr"), self.alloca(f"[{size} x i8]", 16)
            self.put(f"store ptr {region}, ptr {place}")
            self.copy(copy, region, size)
            self.copies.append((place, copy, size))

    def copy(self, to: str, origin: str, size: int) -> None:
        self.used.add("memcpy")
        self.put(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {origin}, i64 {size}, i1 false)")

    def put_back(self) -> None:
        """Leave the generator as it was found, and its lock; nothing where it was not taken."""

        def undo() -> str:
            for place, copy, size in self.copies:
                self.copy(self.load("ptr", place), copy, size)
            self.let_go()
            return "true"

        taken = self.icmp("ne", "ptr", self.load("ptr", self.lock), "null")
        self.either(taken, undo, lambda: "false", "i1")

    def untaken(self) -> None:
        """Where the lock was not taken: the call is Python's, unless an exception is on its way, such as Ctrl-C."""
        self.label("untaken")
        raised = self.icmp("ne", "ptr", self.call("PyErr_Occurred", "ptr"), "null")
        self.put(f"br i1 {raised}, label %fail, label %error")

    def let_go(self) -> None:
        """Release the generator's lock."""
        self.support("released", f"void @hybrid_entry_released(ptr {self.lock}, ptr {self.ref(RELEASE)})")


SUPPORT = {
    "taken": f"""\
; The `bitgen_t` of a generator whose bits are of this class, its lock taken and left in %held; null where that can't be.
@hybrid_entry_capsule = private constant [13 x i8] c"BitGenerator\\00"

define internal ptr @hybrid_entry_taken(ptr %generator, ptr %class, ptr %bits.name, ptr %lock.name, ptr %acquire.name,
                                        ptr %capsule.name, ptr %held) {{
start:
  %get.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyObject_GetAttr"]}
  %get = load ptr, ptr %get.at
  %call.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyObject_VectorcallMethod"]}
  %call = load ptr, ptr %call.at
  %release.at = getelementptr i64, ptr @{TABLE}, i64 {API["Py_DecRef"]}
  %release = load ptr, ptr %release.at
  %pointer.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyCapsule_GetPointer"]}
  %pointer = load ptr, ptr %pointer.at
  %bits = call ptr %get(ptr %generator, ptr %bits.name)
  %some = icmp ne ptr %bits, null
  br i1 %some, label %typed, label %none
typed:
  %type.at = getelementptr i8, ptr %bits, i64 {capi.TYPE}
  %type = load ptr, ptr %type.at
  %known = icmp eq ptr %type, %class
  br i1 %known, label %locked, label %left
locked:
  %lock = call ptr %get(ptr %bits, ptr %lock.name)
  %lock.found = icmp ne ptr %lock, null
  br i1 %lock.found, label %taken, label %left
taken:
  %given = alloca [2 x ptr]
  %given.at = getelementptr ptr, ptr %given, i64 1
  store ptr %lock, ptr %given.at
  %got = call ptr %call(ptr %acquire.name, ptr %given.at, i64 1, ptr null)
  %ours = icmp ne ptr %got, null
  br i1 %ours, label %held.now, label %unlocked
held.now:
  call void %release(ptr %got)
  store ptr %lock, ptr %held
  %capsule = call ptr %get(ptr %bits, ptr %capsule.name)
  %capsule.found = icmp ne ptr %capsule, null
  br i1 %capsule.found, label %opened, label %left
opened:
  %address = call ptr %pointer(ptr %capsule, ptr @hybrid_entry_capsule)
  call void %release(ptr %capsule)
  call void %release(ptr %bits)  ; which the generator holds
  ret ptr %address
unlocked:
  call void %release(ptr %lock)
  br label %left
left:
  call void %release(ptr %bits)
  br label %none
none:
  ret ptr null
}}""",
    "released": f"""\
; Release a lock that was taken, whatever exception is on its way.
define internal void @hybrid_entry_released(ptr %held, ptr %release.name) {{
start:
  %lock = load ptr, ptr %held
  %call.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyObject_VectorcallMethod"]}
  %call = load ptr, ptr %call.at
  %release.at = getelementptr i64, ptr @{TABLE}, i64 {API["Py_DecRef"]}
  %release = load ptr, ptr %release.at
  %fetch.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyErr_Fetch"]}
  %fetch = load ptr, ptr %fetch.at
  %restore.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyErr_Restore"]}
  %restore = load ptr, ptr %restore.at
  %error = alloca [3 x ptr]
  %value.at = getelementptr ptr, ptr %error, i64 1
  %trace.at = getelementptr ptr, ptr %error, i64 2
  call void %fetch(ptr %error, ptr %value.at, ptr %trace.at)
  %given = alloca [2 x ptr]
  %given.at = getelementptr ptr, ptr %given, i64 1
  store ptr %lock, ptr %given.at
  %done = call ptr %call(ptr %release.name, ptr %given.at, i64 1, ptr null)
  call void %release(ptr %done)
  call void %release(ptr %lock)
  store ptr null, ptr %held
  %kind = load ptr, ptr %error
  %value = load ptr, ptr %value.at
  %trace = load ptr, ptr %trace.at
  call void %restore(ptr %kind, ptr %value, ptr %trace)
  ret void
}}""",
    "memcpy": "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
}
