"""LLVM IR of the functions native entries share: what would be the same code for each argument, written once."""

from __future__ import annotations

from hybrid.staging import capi
from hybrid.staging.numbers import DECLARED
from hybrid.staging.spec import API, TABLE

# Entries are compiled without optimisation: one of two arguments took 6.3 ms with LLVM's, now 1.1, and ran no faster.
SUPPORT = {
    "array": f"""\
; An ndarray of this exact type, rank, kind of descriptor and flags? Kind, byte order and type number are one word,
; equal for every descriptor of one dtype, singleton or not.
define internal i1 @hybrid_entry_array(ptr %it, ptr %type, ptr %descr, i32 %ndim, i32 %mask, i32 %needed) {{
  %type.at = getelementptr i8, ptr %it, i64 {capi.TYPE}
  %type.found = load ptr, ptr %type.at
  %typed = icmp eq ptr %type.found, %type
  br i1 %typed, label %fields, label %no
fields:
  %ndim.at = getelementptr i8, ptr %it, i64 {capi.NDIM}
  %ndim.found = load i32, ptr %ndim.at
  %ranked = icmp eq i32 %ndim.found, %ndim
  %flags.at = getelementptr i8, ptr %it, i64 {capi.FLAGS}
  %flags = load i32, ptr %flags.at
  %masked = and i32 %flags, %mask
  %flagged = icmp eq i32 %masked, %needed
  %descr.at = getelementptr i8, ptr %it, i64 {capi.DESCR}
  %descr.found = load ptr, ptr %descr.at
  %kind.at = getelementptr i8, ptr %descr, i64 {capi.DESCR_KIND}
  %kind.found.at = getelementptr i8, ptr %descr.found, i64 {capi.DESCR_KIND}
  %kind = load i64, ptr %kind.at
  %kind.found = load i64, ptr %kind.found.at
  %same = icmp eq i64 %kind, %kind.found
  %both = and i1 %ranked, %flagged
  %all = and i1 %both, %same
  ret i1 %all
no:
  ret i1 false
}}""",
    "item": f"""\
; The value of the next item of a dict, where its key is this one or an equal str; else null.
define internal ptr @hybrid_entry_item(ptr %dict, ptr %state, ptr %key, ptr %str) {{
start:
  %next.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyDict_Next"]}
  %next = load ptr, ptr %next.at
  %key.at = getelementptr i64, ptr %state, i64 1
  %value.at = getelementptr i64, ptr %state, i64 2
  %more = call i32 %next(ptr %dict, ptr %state, ptr %key.at, ptr %value.at)
  %ended = icmp eq i32 %more, 0
  br i1 %ended, label %no, label %found
found:
  %key.found = load ptr, ptr %key.at
  %value = load ptr, ptr %value.at
  %same = icmp eq ptr %key.found, %key
  br i1 %same, label %yes, label %other
other:
  %type.at = getelementptr i8, ptr %key, i64 {capi.TYPE}
  %type = load ptr, ptr %type.at
  %type.found.at = getelementptr i8, ptr %key.found, i64 {capi.TYPE}
  %type.found = load ptr, ptr %type.found.at
  %text = icmp eq ptr %type, %str
  %text.found = icmp eq ptr %type.found, %str
  %texts = and i1 %text, %text.found
  br i1 %texts, label %compare, label %no
compare:
  %compare.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyUnicode_Compare"]}
  %comparison = load ptr, ptr %compare.at
  %order = call i32 %comparison(ptr %key.found, ptr %key)
  %equal = icmp eq i32 %order, 0
  br i1 %equal, label %yes, label %no
yes:
  ret ptr %value
no:
  ret ptr null
}}""",
    "listed": f"""\
; A new list of the items from %first to %end: numbers of 64 bits, or tuples of %width such. Each number of an item has a
; column, which holds floats where its bit of %reals is set. Null where there is no memory.
define internal ptr @hybrid_entry_listed(i64 %first, i64 %end, ptr %columns, i64 %width, i64 %reals) {{
start:
  %new.list.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyList_New"]}
  %new.list = load ptr, ptr %new.list.at
  %new.tuple.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyTuple_New"]}
  %new.tuple = load ptr, ptr %new.tuple.at
  %real.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyFloat_FromDouble"]}
  %real = load ptr, ptr %real.at
  %long.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyLong_FromLongLong"]}
  %long = load ptr, ptr %long.at
  %flat = icmp eq i64 %width, 0
  %columns.each = call i64 @llvm.smax.i64(i64 %width, i64 1)
  %span = sub i64 %end, %first
  %count = call i64 @llvm.smax.i64(i64 %span, i64 0)
  %list = call ptr %new.list(i64 %count)
  %made = icmp ne ptr %list, null
  br i1 %made, label %filled, label %none
filled:
  %items.at = getelementptr i8, ptr %list, i64 {capi.LIST_ITEMS}
  %items = load ptr, ptr %items.at
  br label %next
next:
  %i = phi i64 [0, %filled], [%i.next, %put]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %item, label %done
item:
  %place = add i64 %first, %i
  %slot = getelementptr ptr, ptr %items, i64 %i
  br i1 %flat, label %number, label %row
row:
  %tuple = call ptr %new.tuple(i64 %width)
  store ptr %tuple, ptr %slot
  %tuple.made = icmp ne ptr %tuple, null
  br i1 %tuple.made, label %number, label %failed
number:
  %c = phi i64 [0, %item], [0, %row], [%c.next, %stored]
  %held = phi ptr [null, %item], [%tuple, %row], [%held, %stored]
  %column.at = getelementptr ptr, ptr %columns, i64 %c
  %column = load ptr, ptr %column.at
  %word.at = getelementptr i64, ptr %column, i64 %place
  %bit = lshr i64 %reals, %c
  %is.real = trunc i64 %bit to i1
  br i1 %is.real, label %as.real, label %as.long
as.real:
  %float = load double, ptr %word.at
  %float.made = call ptr %real(double %float)
  br label %boxed
as.long:
  %int = load i64, ptr %word.at
  %int.made = call ptr %long(i64 %int)
  br label %boxed
boxed:
  %it = phi ptr [%float.made, %as.real], [%int.made, %as.long]
  %tuple.items = getelementptr i8, ptr %held, i64 {capi.tuple_items()}
  %tuple.slot = getelementptr ptr, ptr %tuple.items, i64 %c
  %there = select i1 %flat, ptr %slot, ptr %tuple.slot
  store ptr %it, ptr %there
  %it.made = icmp ne ptr %it, null
  br i1 %it.made, label %stored, label %failed
stored:
  %c.next = add i64 %c, 1
  %c.more = icmp slt i64 %c.next, %columns.each
  br i1 %c.more, label %number, label %put
put:
  %i.next = add i64 %i, 1
  br label %next
failed:
  %release.at = getelementptr i64, ptr @{TABLE}, i64 {API["Py_DecRef"]}
  %release = load ptr, ptr %release.at
  call void %release(ptr %list)
  br label %none
none:
  ret ptr null
done:
  ret ptr %list
}}""",
    "drop": f"""\
; Drop the references a failed call holds.
define internal void @hybrid_entry_drop(ptr %owned, i64 %count) {{
start:
  %release.at = getelementptr i64, ptr @{TABLE}, i64 {API["Py_DecRef"]}
  %release = load ptr, ptr %release.at
  br label %next
next:
  %i = phi i64 [0, %start], [%i.next, %drop]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %drop, label %done
drop:
  %at = getelementptr ptr, ptr %owned, i64 %i
  %it = load ptr, ptr %at
  call void %release(ptr %it)
  %i.next = add i64 %i, 1
  br label %next
done:
  ret void
}}""",
    "constants": f"""\
; The spans of constant arrays, from triples of words (array, low, high); false where one of the written is read-only.
define internal i1 @hybrid_entry_constants(ptr %words, ptr %spans, i64 %written, i64 %count) {{
start:
  br label %next
next:
  %i = phi i64 [0, %start], [%i.next, %put]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %check, label %yes
check:
  %at = getelementptr [3 x i64], ptr %words, i64 %i
  %it = load ptr, ptr %at
  %flags.at = getelementptr i8, ptr %it, i64 {capi.FLAGS}
  %flags = load i32, ptr %flags.at
  %bit = and i32 %flags, {capi.WRITEABLE}
  %writeable = icmp ne i32 %bit, 0
  %read = icmp sge i64 %i, %written
  %ok = or i1 %writeable, %read
  br i1 %ok, label %put, label %no
put:
  %data.at = getelementptr i8, ptr %it, i64 {capi.DATA}
  %data = load ptr, ptr %data.at
  %low.at = getelementptr i64, ptr %at, i64 1
  %high.at = getelementptr i64, ptr %at, i64 2
  %low = load i64, ptr %low.at
  %high = load i64, ptr %high.at
  %first = getelementptr i8, ptr %data, i64 %low
  %last = getelementptr i8, ptr %data, i64 %high
  %first.at = getelementptr [2 x ptr], ptr %spans, i64 %i
  %last.at = getelementptr ptr, ptr %first.at, i64 1
  store ptr %first, ptr %first.at
  store ptr %last, ptr %last.at
  %i.next = add i64 %i, 1
  br label %next
yes:
  ret i1 true
no:
  ret i1 false
}}""",
    "apart": """\
; Does none of the first `written` spans [low, high) meet another of `count`? Empty ones, low = high, meet nothing.
define internal i1 @hybrid_entry_apart(ptr %spans, i64 %written, i64 %count) noinline {
start:
  br label %outer
outer:
  %i = phi i64 [0, %start], [%i.next, %pick], [%i.next, %inner]
  %i.next = add i64 %i, 1
  %more = icmp slt i64 %i, %written
  br i1 %more, label %pick, label %done
pick:
  %low.at = getelementptr [2 x ptr], ptr %spans, i64 %i
  %high.at = getelementptr ptr, ptr %low.at, i64 1
  %low = load ptr, ptr %low.at
  %high = load ptr, ptr %high.at
  %empty = icmp eq ptr %low, %high
  br i1 %empty, label %outer, label %inner
inner:
  %j = phi i64 [%i.next, %pick], [%j.next, %inner.next]
  %again = icmp slt i64 %j, %count
  br i1 %again, label %compare, label %outer
compare:
  %other.low.at = getelementptr [2 x ptr], ptr %spans, i64 %j
  %other.high.at = getelementptr ptr, ptr %other.low.at, i64 1
  %other.low = load ptr, ptr %other.low.at
  %other.high = load ptr, ptr %other.high.at
  %below = icmp ule ptr %high, %other.low
  %above = icmp ule ptr %other.high, %low
  %nothing = icmp eq ptr %other.low, %other.high
  %either = or i1 %below, %above
  %apart = or i1 %either, %nothing
  br i1 %apart, label %inner.next, label %done
inner.next:
  %j.next = add i64 %j, 1
  br label %inner
done:
  %result = phi i1 [true, %outer], [false, %compare]
  ret i1 %result
}""",
    "copied": """\
; Copy the bytes of some spans into a buffer of `room` bytes, or back from there; false, and no copy, where they are more.
define internal i1 @hybrid_entry_copied(ptr %spans, i64 %count, ptr %buffer, i64 %room, i1 %back) noinline {
start:
  br label %measure
measure:
  %i = phi i64 [0, %start], [%i.next, %measured]
  %sum = phi i64 [0, %start], [%sum.next, %measured]
  %left = icmp slt i64 %i, %count
  br i1 %left, label %measured, label %enough
measured:
  %i.low.at = getelementptr [2 x ptr], ptr %spans, i64 %i
  %i.high.at = getelementptr ptr, ptr %i.low.at, i64 1
  %i.low = load i64, ptr %i.low.at
  %i.high = load i64, ptr %i.high.at
  %i.bytes = sub i64 %i.high, %i.low
  %sum.next = add i64 %sum, %i.bytes
  %i.next = add i64 %i, 1
  br label %measure
enough:
  %fits = icmp ule i64 %sum, %room
  br i1 %fits, label %copy, label %done
copy:
  %j = phi i64 [0, %enough], [%j.next, %copied]
  %at = phi ptr [%buffer, %enough], [%at.next, %copied]
  %more = icmp slt i64 %j, %count
  br i1 %more, label %copied, label %done
copied:
  %low.at = getelementptr [2 x ptr], ptr %spans, i64 %j
  %high.at = getelementptr ptr, ptr %low.at, i64 1
  %data = load ptr, ptr %low.at
  %low = ptrtoint ptr %data to i64
  %high = load i64, ptr %high.at
  %bytes = sub i64 %high, %low
  %to = select i1 %back, ptr %data, ptr %at
  %from = select i1 %back, ptr %at, ptr %data
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  %at.next = getelementptr i8, ptr %at, i64 %bytes
  %j.next = add i64 %j, 1
  br label %copy
done:
  %result = phi i1 [false, %enough], [true, %copy]
  ret i1 %result
}""",
    "pooled": f"""\
; A fresh array from the pool, or from the user's allocator where one is set.
define internal ptr @hybrid_entry_pooled(ptr %type, ptr %descr, i32 %ndim, ptr %dims, i32 %order, ptr %ours, ptr %numpy) {{
start:
  %release.at = getelementptr i64, ptr @{TABLE}, i64 {API["Py_DecRef"]}
  %release = load ptr, ptr %release.at
  %new.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyArray_NewFromDescr"]}
  %new = load ptr, ptr %new.at
  %get.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyDataMem_GetHandler"]}
  %get = load ptr, ptr %get.at
  %set.at = getelementptr i64, ptr @{TABLE}, i64 {API["PyDataMem_SetHandler"]}
  %set = load ptr, ptr %set.at
  %present = call ptr %get()
  call void %release(ptr %present)  ; its context holds it
  %usual = icmp eq ptr %present, %numpy
  br i1 %usual, label %pool, label %other
other:
  %others = call ptr %new(ptr %type, ptr %descr, i32 %ndim, ptr %dims, ptr null, ptr null, i32 %order, ptr null)
  ret ptr %others
pool:
  %before = call ptr %set(ptr %ours)
  %unset = icmp eq ptr %before, null
  br i1 %unset, label %fail, label %allocate
allocate:
  call void %release(ptr %before)
  %array = call ptr %new(ptr %type, ptr %descr, i32 %ndim, ptr %dims, ptr null, ptr null, i32 %order, ptr null)
  %after = call ptr %set(ptr %numpy)
  %stuck = icmp eq ptr %after, null
  br i1 %stuck, label %undo, label %done
done:
  call void %release(ptr %after)
  ret ptr %array
undo:
  call void %release(ptr %array)
  ret ptr null
fail:
  call void %release(ptr %descr)
  ret ptr null
}}""",
    **DECLARED,
    "ptrmask": "declare ptr @llvm.ptrmask.p0.i64(ptr, i64)",
}
