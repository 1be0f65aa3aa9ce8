"""What entries call for a list of objects: whether these have the attributes that they are to have, and those as an array.

In one module with what they call for lists of numbers (`numbers`), which it joins.
"""

from __future__ import annotations

from hybrid.staging import capi

OBJECTS, DISTINCT, LEAVE = "hybrid_objects", "hybrid_distinct", "hybrid_leave"
FLOAT, INT, BOOL = range(3)  # what `LEAVE` makes of a column
DECLARED = {
    OBJECTS: f"declare i1 @{OBJECTS}(ptr, i64, ptr, i64, i64, i64, ptr, ptr, i64{', ptr' * 16})",
    DISTINCT: f"declare i1 @{DISTINCT}(ptr, i64, ptr, ptr, ptr, ptr, ptr)",
    LEAVE: f"declare i1 @{LEAVE}(ptr, i64, ptr, ptr)",
}
EXACT = 2**53  # ints up to which floats hold each
_WITH = "\n".join(
    f"  %{name}.at.with = getelementptr ptr, ptr %with, i64 {at}\n  %{name} = load ptr, ptr %{name}.at.with"
    for at, name in enumerate(("names", "kinds", "true", "false", "dict.of", "real.of", "int.of", "put.in", "let.go"))
)
_VALUES = -1 if capi.shared_values() is None else capi.shared_values()
FEW_COMPARED = 24  # objects in a list that are compared with one another

# Whether all items of a list are objects of a class whose attributes are %names: first %width of which the words go to %out
# (%words of each object), then %hidden others. Where %out is null, only the class is looked at.
# %kinds: of the attributes the classes. Numbers of 64 bits; %bool, of which there are %true and another; %either, floats or
# ints that floats can hold, of which the second word says which. Where %counts is not 0, it is one of so many: %choices.
# %offsets: where the slots of an object are; 0 for what is in its `__dict__`, which has %others (-1: there is none).
# Instances that were made alike share their keys: where these stand is learnt from the first, and the values of the others are
# read at their places. Else each attribute is asked for.
# The last are functions of CPython's: %dict.of gives an object's attributes, %value.of one of them, %let.go gives up a
# reference, %clear an error, and %compare looks at two texts.
SOURCE = f"""
define i1 @{OBJECTS}(ptr %list, i64 %count, ptr %class, i64 %width, i64 %hidden, i64 %words, ptr %names, ptr %offsets,
                     i64 %others, ptr %choices, ptr %counts, ptr %kinds, ptr %int, ptr %bool, ptr %true, ptr %float,
                     ptr %either, ptr %text, ptr %long, ptr %dict.of, ptr %value.of, ptr %let.go, ptr %clear, ptr %compare,
                     ptr %out) nounwind {{
start:
  %overflow = alloca i32
  %all = add i64 %width, %hidden
  %indices = alloca i64, i64 %all
  %learnt = alloca ptr
  store ptr null, ptr %learnt
  %no.slots = icmp eq i64 %all, %others
  %wanted = select i1 %no.slots, i64 %width, i64 %all
  %items.at = getelementptr i8, ptr %list, i64 {capi.LIST_ITEMS}
  %items = load ptr, ptr %items.at
  %stored = icmp ne ptr %out, null
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
  br i1 %fits, label %split, label %no
split:
  %values.at = getelementptr i8, ptr %dict, i64 {capi.DICT_VALUES}
  %values = load ptr, ptr %values.at
  %together = icmp eq ptr %values, null
  %unknown = icmp slt i64 {_VALUES}, 0
  %asks = or i1 %together, %unknown
  br i1 %asks, label %slow, label %shared
shared:
  %keys.at = getelementptr i8, ptr %dict, i64 {capi.DICT_KEYS}
  %keys = load ptr, ptr %keys.at
  %last.keys = load ptr, ptr %learnt
  %same.keys = icmp eq ptr %keys, %last.keys
  br i1 %same.keys, label %fast, label %learn
learn:
  %entries.at = getelementptr i8, ptr %keys, i64 {capi.KEYS_COUNT}
  %entries = load i64, ptr %entries.at
  %just = icmp eq i64 %entries, %others
  br i1 %just, label %places, label %slow
places:
  %log.at = getelementptr i8, ptr %keys, i64 {capi.KEYS_LOG}
  %log.byte = load i8, ptr %log.at
  %log = zext i8 %log.byte to i64
  %index.bytes = shl i64 1, %log
  %header = getelementptr i8, ptr %keys, i64 {capi.KEYS_HEADER}
  %entry.first = getelementptr i8, ptr %header, i64 %index.bytes
  br label %place
place:
  %p = phi i64 [ 0, %places ], [ %p.next, %placed ]
  %p.more = icmp slt i64 %p, %all
  br i1 %p.more, label %seek, label %known.keys
seek:
  %p.offset.at = getelementptr i64, ptr %offsets, i64 %p
  %p.offset = load i64, ptr %p.offset.at
  %p.slot = icmp ne i64 %p.offset, 0
  %p.name.at = getelementptr ptr, ptr %names, i64 %p
  %p.name = load ptr, ptr %p.name.at
  br i1 %p.slot, label %placed, label %entry
entry:
  %i = phi i64 [ 0, %seek ], [ %i.next, %differs.key ]
  %i.more = icmp slt i64 %i, %entries
  br i1 %i.more, label %key, label %slow
key:
  %i.byte = shl i64 %i, 4
  %key.at = getelementptr i8, ptr %entry.first, i64 %i.byte
  %key.it = load ptr, ptr %key.at
  %i.next = add i64 %i, 1
  %is.key = icmp eq ptr %key.it, %p.name
  br i1 %is.key, label %found.key, label %differs.key
differs.key:
  br label %entry
found.key:
  %index.at = getelementptr i64, ptr %indices, i64 %p
  store i64 %i, ptr %index.at
  br label %placed
placed:
  %p.next = add i64 %p, 1
  br label %place
known.keys:
  store ptr %keys, ptr %learnt
  br label %fast
fast:
  br label %attribute
slow:
  br label %attribute
attribute:
  %j = phi i64 [ 0, %slow ], [ 0, %fast ], [ 0, %within ], [ %j.next, %done ]
  %own = phi ptr [ %dict, %slow ], [ %dict, %fast ], [ null, %within ], [ %own, %done ]
  %direct = phi ptr [ null, %slow ], [ %values, %fast ], [ null, %within ], [ %direct, %done ]
  %limit = phi i64 [ %all, %slow ], [ %wanted, %fast ], [ %all, %within ], [ %limit, %done ]
  %at = phi i64 [ 0, %slow ], [ 0, %fast ], [ 0, %within ], [ %at.next, %done ]
  %again = icmp slt i64 %j, %limit
  br i1 %again, label %look, label %looked
look:
  %offset.at = getelementptr i64, ptr %offsets, i64 %j
  %offset = load i64, ptr %offset.at
  %in.dict = icmp eq i64 %offset, 0
  br i1 %in.dict, label %named, label %slot
named:
  %is.direct = icmp ne ptr %direct, null
  br i1 %is.direct, label %there, label %asked
there:
  %own.index.at = getelementptr i64, ptr %indices, i64 %j
  %own.index = load i64, ptr %own.index.at
  %first.value = getelementptr i8, ptr %direct, i64 {_VALUES}
  %there.at = getelementptr ptr, ptr %first.value, i64 %own.index
  %there.x = load ptr, ptr %there.at
  br label %got
asked:
  %name.at = getelementptr ptr, ptr %names, i64 %j
  %name = load ptr, ptr %name.at
  %named.x = call ptr %value.of(ptr %own, ptr %name)
  br label %got
slot:
  %slot.at = getelementptr i8, ptr %it, i64 %offset
  %slot.x = load ptr, ptr %slot.at
  br label %got
got:
  %x = phi ptr [ %there.x, %there ], [ %named.x, %asked ], [ %slot.x, %slot ]
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
  %count.at = getelementptr i64, ptr %counts, i64 %j
  %options = load i64, ptr %count.at
  %is.choice = icmp sgt i64 %options, 0
  br i1 %is.choice, label %chosen, label %numeric
chosen:
  %choices.at = getelementptr ptr, ptr %choices, i64 %j
  %known.at = load ptr, ptr %choices.at
  br label %option
option:
  %o = phi i64 [ 0, %chosen ], [ %o.next, %other ]
  %o.more = icmp slt i64 %o, %options
  br i1 %o.more, label %compared, label %by.text
compared:
  %o.at = getelementptr ptr, ptr %known.at, i64 %o
  %o.it = load ptr, ptr %o.at
  %o.same = icmp eq ptr %o.it, %x
  br i1 %o.same, label %put, label %other
other:
  %o.next = add i64 %o, 1
  br label %option
by.text:
  %is.text = icmp eq ptr %x.type, %text
  br i1 %is.text, label %again.option, label %no
again.option:
  %t = phi i64 [ 0, %by.text ], [ %t.next, %unequal ]
  %t.more = icmp slt i64 %t, %options
  br i1 %t.more, label %which.type, label %no
which.type:
  %t.at = getelementptr ptr, ptr %known.at, i64 %t
  %t.it = load ptr, ptr %t.at
  %t.type.at = getelementptr i8, ptr %t.it, i64 {capi.TYPE}
  %t.type = load ptr, ptr %t.type.at
  %t.text = icmp eq ptr %t.type, %text
  br i1 %t.text, label %texts, label %unequal
texts:
  %order = call i32 %compare(ptr %x, ptr %t.it)
  %equal = icmp eq i32 %order, 0
  br i1 %equal, label %put, label %unequal
unequal:
  %t.next = add i64 %t, 1
  br label %again.option
numeric:
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
  %word = phi i64 [ %integer, %ask ], [ %bit, %truth ], [ %value, %read ], [ %bits, %rational ],
              [ %o, %compared ], [ %t, %texts ]
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

; Whether no object is in a list twice, and, with %dict.of, no two have one dict of attributes. Few are compared with one
; another; many are put into a hash table.
define i1 @{DISTINCT}(ptr %list, i64 %count, ptr %dict.of, ptr %let.go, ptr %clear, ptr %allocate,
                       ptr %free) nounwind {{
start:
  %by.object = icmp eq ptr %dict.of, null
  %items.at = getelementptr i8, ptr %list, i64 {capi.LIST_ITEMS}
  %items = load ptr, ptr %items.at
  %short = icmp sle i64 %count, {FEW_COMPARED}
  %few = and i1 %short, %by.object
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
  %n.it = load ptr, ptr %n.at
  br i1 %by.object, label %known, label %dict
dict:
  %n.dict = call ptr %dict.of(ptr %n.it, ptr null)
  %n.none = icmp eq ptr %n.dict, null
  br i1 %n.none, label %dict.failed, label %lent
dict.failed:
  call void %clear()
  call void %free(ptr %table)
  ret i1 false
lent:
  call void %let.go(ptr %n.dict)  ; the object keeps it
  br label %known
known:
  %object = phi ptr [ %n.it, %enter ], [ %n.dict, %lent ]
  %address = ptrtoint ptr %object to i64
  %mixed = mul i64 %address, -7046029254386353131
  %hash = lshr i64 %mixed, %zeros
  br label %probe
probe:
  %slot = phi i64 [ %hash, %known ], [ %after, %taken ]
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

; Set attributes of the first %count objects in a list, all of which have a `__dict__`, to what stands in a tuple of arrays;
; false where an error was raised. %with: their names, what each is, True and False, and functions of CPython's.
define i1 @{LEAVE}(ptr %list, i64 %count, ptr %arrays, ptr %with) nounwind {{
start:
  %width.at = getelementptr i8, ptr %arrays, i64 {capi.SIZE}
  %width = load i64, ptr %width.at
  %columns = getelementptr i8, ptr %arrays, i64 {capi.tuple_items()}
{_WITH}
  br label %next
next:
  %k = phi i64 [ 0, %start ], [ %k.next, %left ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %item, label %yes
item:
  %items.at = getelementptr i8, ptr %list, i64 {capi.LIST_ITEMS}
  %items = load ptr, ptr %items.at
  %it.at = getelementptr ptr, ptr %items, i64 %k
  %it = load ptr, ptr %it.at
  %dict = call ptr %dict.of(ptr %it, ptr null)
  %none = icmp eq ptr %dict, null
  br i1 %none, label %no, label %attribute
attribute:
  %j = phi i64 [ 0, %item ], [ %j.next, %put ]
  %again = icmp slt i64 %j, %width
  br i1 %again, label %look, label %left
look:
  %name.at = getelementptr ptr, ptr %names, i64 %j
  %name = load ptr, ptr %name.at
  %kind.at = getelementptr i64, ptr %kinds, i64 %j
  %kind = load i64, ptr %kind.at
  %column.at = getelementptr ptr, ptr %columns, i64 %j
  %array = load ptr, ptr %column.at
  %data.at = getelementptr i8, ptr %array, i64 {capi.DATA}
  %column = load ptr, ptr %data.at
  switch i64 %kind, label %flag [ i64 {FLOAT}, label %real
                                  i64 {INT}, label %int ]
real:
  %real.at = getelementptr double, ptr %column, i64 %k
  %number = load double, ptr %real.at
  %a.real = call ptr %real.of(double %number)
  br label %made
int:
  %int.at = getelementptr i64, ptr %column, i64 %k
  %whole = load i64, ptr %int.at
  %an.int = call ptr %int.of(i64 %whole)
  br label %made
flag:
  %flag.at = getelementptr i8, ptr %column, i64 %k
  %byte = load i8, ptr %flag.at
  %set = icmp ne i8 %byte, 0
  %a.bool = select i1 %set, ptr %true, ptr %false
  br label %known
known:
  %code.known = call i32 %put.in(ptr %dict, ptr %name, ptr %a.bool)
  br label %put.known
put.known:
  %failed.known = icmp ne i32 %code.known, 0
  br i1 %failed.known, label %unset, label %put
made:
  %value = phi ptr [ %a.real, %real ], [ %an.int, %int ]
  %missing = icmp eq ptr %value, null
  br i1 %missing, label %unset, label %enter
enter:
  %code = call i32 %put.in(ptr %dict, ptr %name, ptr %value)
  call void %let.go(ptr %value)
  %failed = icmp ne i32 %code, 0
  br i1 %failed, label %unset, label %put
put:
  %j.next = add i64 %j, 1
  br label %attribute
left:
  call void %let.go(ptr %dict)
  %k.next = add i64 %k, 1
  br label %next
unset:
  call void %let.go(ptr %dict)
  ret i1 false
yes:
  ret i1 true
no:
  ret i1 false
}}
"""
