"""What entries call for a list of numbers: whether it holds what it is to hold, and its numbers as an array.

A module of its own, for it is optimised, as entries are not: a list of a thousand floats took 5 µs to look at, and 5 to copy.
"""

from __future__ import annotations

from functools import lru_cache

from hybrid.codegen.target import host
from hybrid.runtime import engine
from hybrid.runtime.cache import object_for
from hybrid.staging import capi

NUMBERS, TABLE_OF, AMONG = "hybrid_numbers", "hybrid_table", "hybrid_apart"
OBJECTS, DISTINCT = "hybrid_objects", "hybrid_distinct"
DECLARED = {
    NUMBERS: f"declare i1 @{NUMBERS}(ptr, i64, ptr, i64, ptr, ptr, ptr, ptr)",
    TABLE_OF: f"declare i64 @{TABLE_OF}(ptr, i64, ptr, ptr, i64, ptr, ptr, ptr, i1, i1, i64, i64, ptr)",
    AMONG: f"declare i1 @{AMONG}(ptr, ptr, i1)",
    OBJECTS: f"declare i1 @{OBJECTS}(ptr, i64, ptr, i64, i64, i64, ptr, ptr, i64{', ptr' * 12})",
    DISTINCT: f"declare i1 @{DISTINCT}(ptr, i64, ptr, ptr)",
}
EXACT = 2**53  # ints up to which floats hold each
FEW_COMPARED = 24  # objects in a list that are compared with one another
FEW_ROWS = 1024  # lists in a list that are compared with one another: of more, Python finds out whether two are one


def imports() -> dict[str, int]:
    """The addresses of the functions, for code that calls them."""
    return {name: _code().address(name) for name in DECLARED}


@lru_cache(maxsize=1)
def _code() -> engine.Module:
    return engine.load(object_for(_SOURCE + _OF_OBJECTS, host()), tuple(DECLARED), {})  # kept for the process


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


# Whether all items of a list are objects of a class whose attributes are %names: first %width numbers of 64 bits, of the
# classes %kinds (%bool, too, of which there are %true and another; %either: floats or ints that floats can hold, of which the
# second word says which), then %hidden others. The %words of each go to %out;
# where that is null, only the class is looked at. %offsets: where the slots of an object are; 0 for what is in its `__dict__`,
# which has %others (-1: there is none). The last four are functions of CPython's: %dict.of gives an object's attributes,
# %value.of one of them, %let.go gives up a reference, and %clear an error.
_OF_OBJECTS = f"""
define i1 @{OBJECTS}(ptr %list, i64 %count, ptr %class, i64 %width, i64 %hidden, i64 %words, ptr %names, ptr %offsets,
                     i64 %others, ptr %kinds, ptr %int, ptr %bool, ptr %true, ptr %float, ptr %either, ptr %long,
                     ptr %dict.of, ptr %value.of, ptr %let.go, ptr %clear, ptr %out) nounwind {{
start:
  %overflow = alloca i32
  %items.at = getelementptr i8, ptr %list, i64 {capi.LIST_ITEMS}
  %items = load ptr, ptr %items.at
  %stored = icmp ne ptr %out, null
  %all = add i64 %width, %hidden
  %has.dict = icmp sge i64 %others, 0
  br label %next
next:
  %k = phi i64 [ 0, %start ], [ %k.next, %looked ]
  %base = phi ptr [ %out, %start ], [ %base.next, %looked ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %item, label %yes
item:
  %it.at = getelementptr ptr, ptr %items, i64 %k
  %it = load ptr, ptr %it.at
  %type.at = getelementptr i8, ptr %it, i64 {capi.TYPE}
  %type = load ptr, ptr %type.at
  %typed = icmp eq ptr %type, %class
  br i1 %typed, label %alike, label %no
alike:
  br i1 %stored, label %within, label %looked
within:
  br i1 %has.dict, label %inside, label %attribute
inside:
  %dict = call ptr %dict.of(ptr %it, ptr null)
  %none = icmp eq ptr %dict, null
  br i1 %none, label %failed, label %have
have:
  call void %let.go(ptr %dict)  ; the object keeps it
  %size.at = getelementptr i8, ptr %dict, i64 {capi.SIZE}
  %size = load i64, ptr %size.at
  %fits = icmp eq i64 %size, %others
  br i1 %fits, label %attribute, label %no
attribute:
  %j = phi i64 [ 0, %have ], [ 0, %within ], [ %j.next, %done ]
  %own = phi ptr [ %dict, %have ], [ null, %within ], [ %own, %done ]
  %at = phi i64 [ 0, %have ], [ 0, %within ], [ %at.next, %done ]
  %again = icmp slt i64 %j, %all
  br i1 %again, label %look, label %looked
look:
  %offset.at = getelementptr i64, ptr %offsets, i64 %j
  %offset = load i64, ptr %offset.at
  %in.dict = icmp eq i64 %offset, 0
  br i1 %in.dict, label %named, label %slot
named:
  %name.at = getelementptr ptr, ptr %names, i64 %j
  %name = load ptr, ptr %name.at
  %named.x = call ptr %value.of(ptr %own, ptr %name)
  br label %got
slot:
  %slot.at = getelementptr i8, ptr %it, i64 %offset
  %slot.x = load ptr, ptr %slot.at
  br label %got
got:
  %x = phi ptr [ %named.x, %named ], [ %slot.x, %slot ]
  %missing = icmp eq ptr %x, null
  br i1 %missing, label %failed, label %found
found:
  %is.number = icmp slt i64 %j, %width
  br i1 %is.number, label %number, label %done
number:
  %kind.at = getelementptr ptr, ptr %kinds, i64 %j
  %kind = load ptr, ptr %kind.at
  %x.type.at = getelementptr i8, ptr %x, i64 {capi.TYPE}
  %x.type = load ptr, ptr %x.type.at
  %is.either = icmp eq ptr %kind, %either
  br i1 %is.either, label %free, label %fixed
free:
  %flag.at = getelementptr i64, ptr %base, i64 %at
  %second.at = getelementptr i64, ptr %flag.at, i64 1
  %is.float = icmp eq ptr %x.type, %float
  br i1 %is.float, label %real, label %no.float
real:
  store i64 1, ptr %second.at
  br label %read
no.float:
  %is.int = icmp eq ptr %x.type, %int
  br i1 %is.int, label %rational, label %no
rational:
  store i64 0, ptr %second.at
  %value.int = call i64 %long(ptr %x, ptr %overflow)
  %over.int = load i32, ptr %overflow
  %fits.int = icmp eq i32 %over.int, 0
  %shifted = add i64 %value.int, {EXACT}
  %exact = icmp ule i64 %shifted, {2 * EXACT}
  %holds = and i1 %fits.int, %exact
  %as.float = sitofp i64 %value.int to double
  %bits = bitcast double %as.float to i64
  br i1 %holds, label %put, label %no
fixed:
  %known = icmp eq ptr %x.type, %kind
  br i1 %known, label %which, label %no
which:
  %whole = icmp eq ptr %kind, %int
  br i1 %whole, label %ask, label %or
ask:
  %integer = call i64 %long(ptr %x, ptr %overflow)
  %over = load i32, ptr %overflow
  %small = icmp eq i32 %over, 0
  br i1 %small, label %put, label %no
or:
  %flag = icmp eq ptr %kind, %bool
  br i1 %flag, label %truth, label %read
truth:
  %set = icmp eq ptr %x, %true
  %bit = zext i1 %set to i64
  br label %put
read:
  %value.at = getelementptr i8, ptr %x, i64 {capi.FLOAT_VALUE}
  %value = load i64, ptr %value.at
  br label %put
put:
  %word = phi i64 [ %integer, %ask ], [ %bit, %truth ], [ %value, %read ], [ %bits, %rational ]
  %out.at = getelementptr i64, ptr %base, i64 %at
  store i64 %word, ptr %out.at
  %after = select i1 %is.either, i64 2, i64 1
  br label %done
done:
  %step = phi i64 [ 0, %found ], [ %after, %put ]
  %at.next = add i64 %at, %step
  %j.next = add i64 %j, 1
  br label %attribute
looked:
  %k.next = add i64 %k, 1
  %base.next = getelementptr i64, ptr %base, i64 %words
  br label %next
yes:
  ret i1 true
failed:
  call void %clear()
  ret i1 false
no:
  ret i1 false
}}

; Whether no object is in a list twice. Few are compared with one another; many are put into a hash table.
define i1 @{DISTINCT}(ptr %list, i64 %count, ptr %allocate, ptr %free) nounwind {{
start:
  %items.at = getelementptr i8, ptr %list, i64 {capi.LIST_ITEMS}
  %items = load ptr, ptr %items.at
  %few = icmp sle i64 %count, {FEW_COMPARED}
  br i1 %few, label %one, label %many
one:
  %k = phi i64 [ 0, %start ], [ %k.next, %compared ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %compare, label %yes
compare:
  %it.at = getelementptr ptr, ptr %items, i64 %k
  %it = load ptr, ptr %it.at
  %k.next = add i64 %k, 1
  br label %other
other:
  %o = phi i64 [ 0, %compare ], [ %o.next, %differs ]
  %o.more = icmp slt i64 %o, %k
  br i1 %o.more, label %differs, label %compared
differs:
  %o.at = getelementptr ptr, ptr %items, i64 %o
  %o.it = load ptr, ptr %o.at
  %o.next = add i64 %o, 1
  %same = icmp eq ptr %o.it, %it
  br i1 %same, label %no, label %other
compared:
  br label %one
many:
  %twice = shl i64 %count, 1
  %zeros = call i64 @llvm.ctlz.i64(i64 %twice, i1 true)
  %bits = sub i64 64, %zeros
  %slots = shl i64 1, %bits
  %last = sub i64 %slots, 1
  %bytes = shl i64 %slots, 3
  %table = call ptr %allocate(i64 %bytes)
  %failed = icmp eq ptr %table, null
  br i1 %failed, label %no, label %cleared
cleared:
  call void @llvm.memset.p0.i64(ptr %table, i8 0, i64 %bytes, i1 false)
  br label %next
next:
  %n = phi i64 [ 0, %cleared ], [ %n.next, %put ]
  %n.more = icmp slt i64 %n, %count
  br i1 %n.more, label %enter, label %apart
enter:
  %n.at = getelementptr ptr, ptr %items, i64 %n
  %object = load ptr, ptr %n.at
  %address = ptrtoint ptr %object to i64
  %mixed = mul i64 %address, -7046029254386353131
  %hash = lshr i64 %mixed, %zeros
  br label %probe
probe:
  %slot = phi i64 [ %hash, %enter ], [ %after, %taken ]
  %slot.at = getelementptr ptr, ptr %table, i64 %slot
  %there = load ptr, ptr %slot.at
  %free.slot = icmp eq ptr %there, null
  br i1 %free.slot, label %put, label %taken
taken:
  %up = add i64 %slot, 1
  %after = and i64 %up, %last
  %again = icmp eq ptr %there, %object
  br i1 %again, label %twins, label %probe
put:
  store ptr %object, ptr %slot.at
  %n.next = add i64 %n, 1
  br label %next
apart:
  call void %free(ptr %table)
  ret i1 true
twins:
  call void %free(ptr %table)
  ret i1 false
yes:
  ret i1 true
no:
  ret i1 false
}}
declare i64 @llvm.ctlz.i64(i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""
