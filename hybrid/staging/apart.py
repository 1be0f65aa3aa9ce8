"""What entries call to know that objects in a list are two by two different ones, and that their arrays share no memory.

In one module with what they call for lists of numbers (`numbers`), which it joins.
"""

from __future__ import annotations

DISTINCT, ALONE = "hybrid_distinct", "hybrid_alone"
DECLARED = {
    DISTINCT: f"declare i1 @{DISTINCT}(ptr, i64, ptr, ptr, ptr, ptr, ptr)",
    ALONE: f"declare i1 @{ALONE}(ptr, i64, ptr, i64, ptr, ptr)",
}
FEW_COMPARED = 24  # objects in a list that are compared with one another

SOURCE = f"""
; Whether no two of the arrays that objects in some lists have share memory, and none of them meets one of %count.spans spans.
; %lists: of each the rows of words, how many, their width, the places in a row of addresses of arrays, how many words each
; of these has, and how many arrays. Those with memory of their own are known by their first element; as soon as the memory of
; one is another object's (its address is odd), all are looked at element by element.
define i1 @{ALONE}(ptr %lists, i64 %count.lists, ptr %spans, i64 %count.spans, ptr %allocate, ptr %free) nounwind {{
start:
  br label %counted
counted:
  %c = phi i64 [ 0, %start ], [ %c.next, %summed ]
  %most = phi i64 [ 0, %start ], [ %most.next, %summed ]
  %c.more = icmp slt i64 %c, %count.lists
  br i1 %c.more, label %counting, label %made
counting:
  %c.at = getelementptr [6 x i64], ptr %lists, i64 %c
  %c.count.at = getelementptr i64, ptr %c.at, i64 1
  %c.count = load i64, ptr %c.count.at
  %c.words.at = getelementptr i64, ptr %c.at, i64 4
  %c.words = load ptr, ptr %c.words.at
  %c.arrays.at = getelementptr i64, ptr %c.at, i64 5
  %c.arrays = load i64, ptr %c.arrays.at
  br label %total
total:
  %t = phi i64 [ 0, %counting ], [ %t.next, %sum ]
  %words = phi i64 [ 0, %counting ], [ %words.next, %sum ]
  %t.more = icmp slt i64 %t, %c.arrays
  br i1 %t.more, label %sum, label %summed
sum:
  %t.at = getelementptr i64, ptr %c.words, i64 %t
  %t.words = load i64, ptr %t.at
  %words.next = add i64 %words, %t.words
  %t.next = add i64 %t, 1
  br label %total
summed:
  %of.list = mul i64 %c.count, %words
  %most.next = add i64 %most, %of.list
  %c.next = add i64 %c, 1
  br label %counted
made:
  %room = shl i64 %most, 3
  %table = call ptr %allocate(i64 %room)
  %failed = icmp eq ptr %table, null
  br i1 %failed, label %refused, label %round
round:
  %every = phi i1 [ false, %made ], [ true, %ask ]
  br label %list
list:
  %l = phi i64 [ 0, %round ], [ %l.next, %list.next ]
  %to.list = phi ptr [ %table, %round ], [ %to, %list.next ]
  %lent.list = phi i64 [ 0, %round ], [ %lent, %list.next ]
  %l.more = icmp slt i64 %l, %count.lists
  br i1 %l.more, label %fields, label %ask
fields:
  %rows.at = getelementptr [6 x i64], ptr %lists, i64 %l
  %rows = load ptr, ptr %rows.at
  %count.at = getelementptr i64, ptr %rows.at, i64 1
  %count = load i64, ptr %count.at
  %width.at = getelementptr i64, ptr %rows.at, i64 2
  %width = load i64, ptr %width.at
  %at.at = getelementptr i64, ptr %rows.at, i64 3
  %at = load ptr, ptr %at.at
  %words.each.at = getelementptr i64, ptr %rows.at, i64 4
  %words.each = load ptr, ptr %words.each.at
  %arrays.at = getelementptr i64, ptr %rows.at, i64 5
  %arrays = load i64, ptr %arrays.at
  br label %row
row:
  %k = phi i64 [ 0, %fields ], [ %k.next, %row.next ]
  %to = phi ptr [ %to.list, %fields ], [ %to.row, %row.next ]
  %lent = phi i64 [ %lent.list, %fields ], [ %lent.row, %row.next ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %first, label %list.next
list.next:
  %l.next = add i64 %l, 1
  br label %list
first:
  %from = mul i64 %k, %width
  %row.at = getelementptr i64, ptr %rows, i64 %from
  br label %array
array:
  %j = phi i64 [ 0, %first ], [ %j.next, %array.next ]
  %to.row = phi ptr [ %to, %first ], [ %to.next, %array.next ]
  %lent.row = phi i64 [ %lent, %first ], [ %lent.next, %array.next ]
  %again = icmp slt i64 %j, %arrays
  br i1 %again, label %look, label %row.next
look:
  %place.at = getelementptr i64, ptr %at, i64 %j
  %place = load i64, ptr %place.at
  %low.at = getelementptr i64, ptr %row.at, i64 %place
  %marked = load i64, ptr %low.at
  %mark = and i64 %marked, 1
  %lent.next = or i64 %lent.row, %mark
  %unmarked = xor i64 %marked, %mark
  %low = inttoptr i64 %unmarked to ptr
  %own.at = getelementptr i64, ptr %words.each, i64 %j
  %own = load i64, ptr %own.at
  %high = getelementptr i64, ptr %low, i64 %own
  %elements = select i1 %every, i64 %own, i64 1
  br label %element
element:
  %i = phi i64 [ 0, %look ], [ %i.next, %enter ]
  %to.next = phi ptr [ %to.row, %look ], [ %to.after, %enter ]
  %i.more = icmp slt i64 %i, %elements
  br i1 %i.more, label %enter, label %met.others
enter:
  %element.at = getelementptr i64, ptr %low, i64 %i
  store ptr %element.at, ptr %to.next
  %to.after = getelementptr ptr, ptr %to.next, i64 1
  %i.next = add i64 %i, 1
  br label %element
met.others:
  br i1 %every, label %array.next, label %span
span:
  %s = phi i64 [ 0, %met.others ], [ %s.next, %compare ]
  %s.more = icmp slt i64 %s, %count.spans
  br i1 %s.more, label %compare, label %array.next
compare:
  %span.low.at = getelementptr [2 x ptr], ptr %spans, i64 %s
  %span.high.at = getelementptr ptr, ptr %span.low.at, i64 1
  %span.low = load ptr, ptr %span.low.at
  %span.high = load ptr, ptr %span.high.at
  %s.next = add i64 %s, 1
  %below = icmp ule ptr %high, %span.low
  %above = icmp ule ptr %span.high, %low
  %apart = or i1 %below, %above
  br i1 %apart, label %span, label %met
array.next:
  %j.next = add i64 %j, 1
  br label %array
row.next:
  %k.next = add i64 %k, 1
  br label %row
ask:
  %others = icmp ne i64 %lent.list, 0
  %none.yet = xor i1 %every, true
  %again.all = and i1 %others, %none.yet
  br i1 %again.all, label %round, label %answered
answered:
  %end = ptrtoint ptr %to.list to i64
  %begin = ptrtoint ptr %table to i64
  %filled = sub i64 %end, %begin
  %all = lshr i64 %filled, 3
  %answer = call i1 @{DISTINCT}(ptr %table, i64 %all, ptr null, ptr null, ptr null, ptr %allocate, ptr %free)
  call void %free(ptr %table)
  ret i1 %answer
met:
  call void %free(ptr %table)
  ret i1 false
refused:
  ret i1 false
}}

; Whether no object is in an array twice, and, with %dict.of, no two have one dict of attributes. Few are compared with one
; another; many are put into a hash table.
define i1 @{DISTINCT}(ptr %items, i64 %count, ptr %dict.of, ptr %let.go, ptr %clear, ptr %allocate, ptr %free) nounwind {{
start:
  %by.object = icmp eq ptr %dict.of, null
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
"""
