"""What entries call for a list of numbers: whether it holds what it is to hold, and its numbers as an array.

A module of its own, for it is optimised, as entries are not: a list of a thousand floats took 5 µs to look at, and 5 to copy.
"""

from __future__ import annotations

from functools import lru_cache

from hybrid.codegen.target import host
from hybrid.runtime import engine
from hybrid.runtime.cache import object_for
from hybrid.staging import apart, capi, objects

NUMBERS, TABLE_OF, AMONG = "hybrid_numbers", "hybrid_table", "hybrid_apart"
DECLARED = {
    NUMBERS: f"declare i1 @{NUMBERS}(ptr, i64, ptr, i64, ptr, ptr, ptr, ptr)",
    TABLE_OF: f"declare i64 @{TABLE_OF}(ptr, i64, ptr, ptr, i64, ptr, ptr, ptr, i1, i1, i64, i64, ptr)",
    AMONG: f"declare i1 @{AMONG}(ptr, ptr, i1)",
    **objects.DECLARED,
    **apart.DECLARED,
}
FEW_ROWS = 1024  # lists in a list that are compared with one another: of more, Python finds out whether two are one


def imports() -> dict[str, int]:
    """The addresses of the functions, for code that calls them."""
    return {name: _code().address(name) for name in DECLARED}


@lru_cache(maxsize=1)
def _code() -> engine.Module:
    return engine.load(object_for(_SOURCE + objects.SOURCE + apart.SOURCE, host()), tuple(DECLARED), {})  # kept for the process


# Whether all items of a list are numbers of 64 bits, or (%row not null) tuples of %width such. %kinds: the class of each number
# of an item: %int, of which %long (PyLong_AsLongLongAndOverflow) gives the value, or one that holds it where floats do. Their
# words go to %out, where that is not null.
_SOURCE = f"""
define i1 @{NUMBERS}(ptr %list, i64 %count, ptr %row, i64 %width, ptr %kinds, ptr %int, ptr %long, ptr %out) nounwind {{
start:
  %overflow = alloca i32
  %items.at = getelementptr i8, ptr %list, i64 {capi.LIST_ITEMS}
  %items = load ptr, ptr %items.at
  %flat = icmp eq ptr %row, null
  %stored = icmp ne ptr %out, null
  %first = load ptr, ptr %kinds
  %real.first = icmp ne ptr %first, %int
  %plain = and i1 %flat, %real.first
  br i1 %plain, label %floats, label %next

floats:
  %f = phi i64 [ 0, %start ], [ %f.next, %float.passed ]
  %f.more = icmp slt i64 %f, %count
  br i1 %f.more, label %float.item, label %yes
float.item:
  %float.at = getelementptr ptr, ptr %items, i64 %f
  %f.it = load ptr, ptr %float.at
  %f.type.at = getelementptr i8, ptr %f.it, i64 {capi.TYPE}
  %f.type = load ptr, ptr %f.type.at
  %f.known = icmp eq ptr %f.type, %first
  br i1 %f.known, label %float.known, label %no
float.known:
  %f.next = add i64 %f, 1
  br i1 %stored, label %float.put, label %float.passed
float.put:
  %f.value.at = getelementptr i8, ptr %f.it, i64 {capi.FLOAT_VALUE}
  %f.value = load i64, ptr %f.value.at
  %f.out.at = getelementptr i64, ptr %out, i64 %f
  store i64 %f.value, ptr %f.out.at
  br label %float.passed
float.passed:
  br label %floats

next:
  %k = phi i64 [ 0, %start ], [ %k.next, %passed ]
  %at = phi i64 [ 0, %start ], [ %at.next, %passed ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %item, label %yes
item:
  %place = getelementptr ptr, ptr %items, i64 %k
  br i1 %flat, label %numbers, label %tuple
tuple:
  %it = load ptr, ptr %place
  %type.at = getelementptr i8, ptr %it, i64 {capi.TYPE}
  %type = load ptr, ptr %type.at
  %typed = icmp eq ptr %type, %row
  br i1 %typed, label %sized, label %no
sized:
  %size.at = getelementptr i8, ptr %it, i64 {capi.SIZE}
  %size = load i64, ptr %size.at
  %fits = icmp eq i64 %size, %width
  %inner = getelementptr i8, ptr %it, i64 {capi.tuple_items()}
  br i1 %fits, label %numbers, label %no
numbers:
  %base = phi ptr [ %place, %item ], [ %inner, %sized ]
  br label %number
number:
  %j = phi i64 [ 0, %numbers ], [ %j.next, %done ]
  %at.now = phi i64 [ %at, %numbers ], [ %at.next, %done ]
  %number.at = getelementptr ptr, ptr %base, i64 %j
  %x = load ptr, ptr %number.at
  %kind.at = getelementptr ptr, ptr %kinds, i64 %j
  %kind = load ptr, ptr %kind.at
  %x.type.at = getelementptr i8, ptr %x, i64 {capi.TYPE}
  %x.type = load ptr, ptr %x.type.at
  %known = icmp eq ptr %x.type, %kind
  br i1 %known, label %which, label %no
which:
  %real = icmp ne ptr %kind, %int
  br i1 %real, label %read, label %ask
read:
  %value.at = getelementptr i8, ptr %x, i64 {capi.FLOAT_VALUE}
  %value = load i64, ptr %value.at
  br label %have
ask:
  %whole = call i64 %long(ptr %x, ptr %overflow)
  %over = load i32, ptr %overflow
  %small = icmp eq i32 %over, 0
  br i1 %small, label %have, label %no
have:
  %word = phi i64 [ %value, %read ], [ %whole, %ask ]
  br i1 %stored, label %put, label %done
put:
  %out.at = getelementptr i64, ptr %out, i64 %at.now
  store i64 %word, ptr %out.at
  br label %done
done:
  %j.next = add i64 %j, 1
  %at.next = add i64 %at.now, 1
  %again = icmp slt i64 %j.next, %width
  br i1 %again, label %number, label %passed
passed:
  %k.next = add i64 %k, 1
  br label %next
yes:
  ret i1 true
no:
  ret i1 false
}}

; The width of the table that the rows of a list are: lists of numbers, or (%inner.kind not null) of tuples of %each, of these
; %kinds; -1 where they are not, or (not %ragged) of several lengths, or two of them one (%apart), or where there are %least of
; these or less. Where %out is not null, the numbers go there, into rows of %width, or (%ragged) one after another, behind the
; places where those of each row begin and how many they are.
define i64 @{TABLE_OF}(ptr %list, i64 %count, ptr %row, ptr %inner.kind, i64 %each, ptr %kinds, ptr %int, ptr %long, i1 %ragged,
                       i1 %apart, i64 %least, i64 %width, ptr %out) nounwind {{
start:
  %overflow = alloca i32
  %items.at = getelementptr i8, ptr %list, i64 {capi.LIST_ITEMS}
  %items = load ptr, ptr %items.at
  %stored = icmp ne ptr %out, null
  %flat = icmp eq ptr %inner.kind, null
  %behind = mul i64 %count, 2
  %compared = icmp sle i64 %count, {FEW_ROWS}
  %together = xor i1 %apart, true
  %known.apart = or i1 %compared, %together
  br i1 %known.apart, label %next, label %no
next:
  %k = phi i64 [ 0, %start ], [ %k.next, %after ]
  %longest = phi i64 [ -1, %start ], [ %longest.next, %after ]
  %total = phi i64 [ 0, %start ], [ %total.next, %after ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %item, label %ended
item:
  %it.at = getelementptr ptr, ptr %items, i64 %k
  %it = load ptr, ptr %it.at
  %type.at = getelementptr i8, ptr %it, i64 {capi.TYPE}
  %type = load ptr, ptr %type.at
  %typed = icmp eq ptr %type, %row
  br i1 %typed, label %alike, label %no
alike:
  br i1 %apart, label %others, label %sized
others:
  %o = phi i64 [ 0, %alike ], [ %o.next, %other ]
  %o.more = icmp slt i64 %o, %k
  br i1 %o.more, label %other, label %sized
other:
  %o.at = getelementptr ptr, ptr %items, i64 %o
  %o.it = load ptr, ptr %o.at
  %o.next = add i64 %o, 1
  %o.same = icmp eq ptr %o.it, %it
  br i1 %o.same, label %no, label %others
sized:
  %size.at = getelementptr i8, ptr %it, i64 {capi.SIZE}
  %size = load i64, ptr %size.at
  %inner.at = getelementptr i8, ptr %it, i64 {capi.LIST_ITEMS}
  %inner = load ptr, ptr %inner.at
  %first = icmp slt i64 %longest, 0
  %same = icmp eq i64 %size, %longest
  %either = or i1 %first, %same
  %allowed = or i1 %either, %ragged
  %longest.next = call i64 @llvm.smax.i64(i64 %longest, i64 %size)
  %total.next = add i64 %total, %size
  %of.row = mul i64 %k, %width
  %of.all = add i64 %behind, %total
  %begin = select i1 %ragged, i64 %of.all, i64 %of.row
  %begin.word = mul i64 %begin, %each
  %base = getelementptr i64, ptr %out, i64 %begin.word
  br i1 %allowed, label %counted, label %no
counted:
  %tells = and i1 %stored, %ragged
  br i1 %tells, label %tell, label %element
tell:
  %begins.word = mul i64 %k, %each
  %begins.at = getelementptr i64, ptr %out, i64 %begins.word
  store i64 %begin, ptr %begins.at
  %counts = add i64 %count, %k
  %counts.word = mul i64 %counts, %each
  %counts.at = getelementptr i64, ptr %out, i64 %counts.word
  store i64 %size, ptr %counts.at
  br label %element
element:
  %j = phi i64 [ 0, %counted ], [ 0, %tell ], [ %j.next, %whole.element ]
  %at = phi i64 [ 0, %counted ], [ 0, %tell ], [ %at.next, %whole.element ]
  %again = icmp slt i64 %j, %size
  br i1 %again, label %look, label %after
look:
  %element.at = getelementptr ptr, ptr %inner, i64 %j
  br i1 %flat, label %parts, label %tuple
tuple:
  %t = load ptr, ptr %element.at
  %t.type.at = getelementptr i8, ptr %t, i64 {capi.TYPE}
  %t.type = load ptr, ptr %t.type.at
  %t.typed = icmp eq ptr %t.type, %inner.kind
  br i1 %t.typed, label %measured, label %no
measured:
  %t.size.at = getelementptr i8, ptr %t, i64 {capi.SIZE}
  %t.size = load i64, ptr %t.size.at
  %t.fits = icmp eq i64 %t.size, %each
  %t.items = getelementptr i8, ptr %t, i64 {capi.tuple_items()}
  br i1 %t.fits, label %parts, label %no
parts:
  %part.base = phi ptr [ %element.at, %look ], [ %t.items, %measured ]
  br label %number
number:
  %p = phi i64 [ 0, %parts ], [ %p.next, %done ]
  %at.now = phi i64 [ %at, %parts ], [ %at.next, %done ]
  %x.at = getelementptr ptr, ptr %part.base, i64 %p
  %x = load ptr, ptr %x.at
  %kind.at = getelementptr ptr, ptr %kinds, i64 %p
  %kind = load ptr, ptr %kind.at
  %x.type.at = getelementptr i8, ptr %x, i64 {capi.TYPE}
  %x.type = load ptr, ptr %x.type.at
  %known = icmp eq ptr %x.type, %kind
  br i1 %known, label %which, label %no
which:
  %real = icmp ne ptr %kind, %int
  br i1 %real, label %read, label %ask
read:
  %value.at = getelementptr i8, ptr %x, i64 {capi.FLOAT_VALUE}
  %value = load i64, ptr %value.at
  br label %have
ask:
  %whole = call i64 %long(ptr %x, ptr %overflow)
  %over = load i32, ptr %overflow
  %small = icmp eq i32 %over, 0
  br i1 %small, label %have, label %no
have:
  %word = phi i64 [ %value, %read ], [ %whole, %ask ]
  br i1 %stored, label %put, label %done
put:
  %out.at = getelementptr i64, ptr %base, i64 %at.now
  store i64 %word, ptr %out.at
  br label %done
done:
  %p.next = add i64 %p, 1
  %at.next = add i64 %at.now, 1
  %more.parts = icmp slt i64 %p.next, %each
  br i1 %more.parts, label %number, label %whole.element
whole.element:
  %j.next = add i64 %j, 1
  br label %element
after:
  %k.next = add i64 %k, 1
  br label %next
ended:
  %few = icmp sle i64 %total, %least
  br i1 %few, label %no, label %yes
yes:
  %upwards = add i64 %total, %count
  %less = sub i64 %upwards, 1
  %each.row = sdiv i64 %less, %count
  %with.places = add i64 %each.row, 2
  %found = select i1 %ragged, i64 %with.places, i64 %longest
  ret i64 %found
no:
  ret i64 -1
}}
declare i64 @llvm.smax.i64(i64, i64)

; Whether no item of a list is another list, or (%rows) one of that one's.
define i1 @{AMONG}(ptr %list, ptr %other, i1 %rows) nounwind {{
start:
  %count.at = getelementptr i8, ptr %list, i64 {capi.SIZE}
  %count = load i64, ptr %count.at
  %items.at = getelementptr i8, ptr %list, i64 {capi.LIST_ITEMS}
  %items = load ptr, ptr %items.at
  %many.at = getelementptr i8, ptr %other, i64 {capi.SIZE}
  %many = load i64, ptr %many.at
  %inner.at = getelementptr i8, ptr %other, i64 {capi.LIST_ITEMS}
  %inner = load ptr, ptr %inner.at
  br label %next
next:
  %k = phi i64 [ 0, %start ], [ %k.next, %passed ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %item, label %yes
item:
  %it.at = getelementptr ptr, ptr %items, i64 %k
  %it = load ptr, ptr %it.at
  %same = icmp eq ptr %it, %other
  br i1 %same, label %no, label %inside
inside:
  br i1 %rows, label %row, label %passed
row:
  %j = phi i64 [ 0, %inside ], [ %j.next, %look ]
  %again = icmp slt i64 %j, %many
  br i1 %again, label %look, label %passed
look:
  %row.at = getelementptr ptr, ptr %inner, i64 %j
  %row.it = load ptr, ptr %row.at
  %j.next = add i64 %j, 1
  %one = icmp eq ptr %row.it, %it
  br i1 %one, label %no, label %row
passed:
  %k.next = add i64 %k, 1
  br label %next
yes:
  ret i1 true
no:
  ret i1 false
}}
"""
