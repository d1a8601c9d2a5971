// SPDX-License-Identifier: Apache-2.0
/* R13: who owns a pin table after a fork (design 3.4, details 27 and 28; client/pins.cc, whose words the labels use).
 *
 * One object. In the parent one thread forks and then pins, which moves the process to a new table (thaw); another thread
 * gets and releases views all the while. The child keeps the views there were at the fork and goes some time. The worker
 * deletes the object: mark, barrier, scan, decide, again until nobody pins it; and drops a table that nobody maps.
 * The second thread's stores linger in its store buffer. Slot 0 is its own, slot 1 that of the thread that forks.
 *
 * Checked: bytes that parent or child views are not freed; in the end the object is free and no table is left.
 *
 * Broken on purpose, each must fail:
 *   BUG_R13_CLEAR        a release after the fork clears the slot in the table that is the child's now
 *   BUG_R13_NO_COPY      the parent's remaining pins are not copied into the new table
 *   BUG_R13_PINS_IN_FLIGHT  no private barrier before the copy: what a get has just stored may not be seen yet
 *   BUG_R13_COPY_LATE    the old table goes before the pins are copied
 *   BUG_R13_COMPARE      after its look a get does not compare the fork generation
 *   BUG_R13_READY_EARLY  pins begin in the new table before it is cleared of what was released meanwhile
 *   BUG_R13_NO_BARRIER   no private barrier before the second pass: a pin that was released while it was copied stays for ever
 *   BUG_R13_KEEP_OLD     nothing takes the old table's place: it stays mapped for ever
 *   BUG_R8               the worker drops a table when the process that asked for it ends, not when nobody maps it */
#define FREE 0
#define LIVE 1
#define BUSY 2
#define DELETED 3
#ifndef GETS
#define GETS 1
#endif

byte state = LIVE;              /* of the object */
bool pins[4];                   /* [2 * table + slot], as the worker sees them */
bool held[2];                   /* the parent's private word beside each slot */
byte maps[2]; bool have[2];     /* who maps each table; whether the worker still has it */
byte table;                     /* the parent's pointer */
bool old_replaced;              /* anonymous memory is where table 0 was in the parent */
byte forks, tables_for, ready_for;
bool lock, fork_lock;           /* slow_mutex_, fork_mutex_ */
bool view[2], child_view, child;
byte ended;                     /* the parent's threads */
bool child_ended;

/* Two buffered stores of the getter: what (1 + 2 * table + slot: a pin; 5 + slot: held) and the value. The other thread's
 * are seen at once: R1 is the matter of data_path.pml. */
byte what1, what2; bool value1, value2;
inline apply(w, v) {
  if
  :: w >= 5 -> held[w - 5] = v
  :: w < 5 && (w > 2 || !old_replaced) -> pins[w - 1] = v     /* else it meets private memory */
  :: else
  fi }
inline pop() { if :: what1 -> apply(what1, value1); what1 = what2; value1 = value2; what2 = 0; value2 = false :: else fi }
inline drain_now() { pop(); pop() }
inline drain() { d_step { drain_now() } }
inline put(t, w, v) { d_step {
  if
  :: t == 1 -> apply(w, v)
  :: else -> if :: what2 -> pop() :: else fi;
             if :: what1 -> what2 = w; value2 = v :: else -> what1 = w; value1 = v fi
  fi } }

proctype StoreBuffer() {
end: do
  :: atomic { what1 -> pop() }
  od }

/* switch_tables: the steps of R13, in this order. Both locks are held. */
inline switch_tables(t) {
  d_step { have[1] = true; maps[1] = 1; table = 1 };                       /* new_table, add; published first */
#ifdef BUG_R13_COPY_LATE
  d_step { old_replaced = true; maps[0]-- };
#endif
#ifndef BUG_R13_PINS_IN_FLIGHT
  drain();                                                                 /* private_barrier: who compared before the fork has its `held` out */
#endif
#ifndef BUG_R13_NO_COPY
  if :: held[0] -> put(t, 3, true) :: else fi;                             /* copy_pins */
  if :: held[1] -> put(t, 4, true) :: else fi;
#endif
#ifdef BUG_R13_READY_EARLY
  if :: t == 0 -> drain() :: else fi; ready_for = forks;
#endif
  tables_for = forks;
#ifndef BUG_R13_NO_BARRIER
  drain();                                                      /* private_barrier */
#endif
  if :: !held[0] -> put(t, 3, false) :: else fi;                           /* clear_released */
  if :: !held[1] -> put(t, 4, false) :: else fi;
  if :: t == 0 -> drain() :: else fi;
  d_step { ready_for = forks; mine = 0 };
#if !defined(BUG_R13_KEEP_OLD) && !defined(BUG_R13_COPY_LATE)
  d_step { drain_now(); old_replaced = true; maps[0]-- }            /* replace_with_anonymous */
#endif
}

/* One get: begin, pin, look, still_ours; then a view, or nothing. */
inline get(t) {
  do
  :: seen = forks;                                                         /* begin */
     if
     :: ready_for == seen
     :: else -> atomic { !lock -> lock = true }; if :: t == 0 -> drain() :: else fi;                 /* thaw */
        atomic { !fork_lock -> fork_lock = true };
        if :: ready_for != forks -> switch_tables(t) :: else fi;
        seen = forks; fork_lock = false; lock = false
     fi;
     put(t, 5 + t, true);                                                  /* pin: held, then the slot */
     mine = table; put(t, 1 + 2 * mine + t, true);
     if :: state == LIVE -> found = true :: state != LIVE -> found = false fi;   /* look */
#ifndef BUG_R13_COMPARE
     if :: forks == seen :: forks != seen -> goto_again = true fi;         /* still_ours */
#endif
     if
     :: goto_again -> goto_again = false
     :: !goto_again && found -> d_step { view[t] = true; found = false; seen = 0; mine = 0 }; break
     :: !goto_again && !found -> release_slot(t); break
     fi
  od }

/* clear: held, barrier(kLight: only the compiler), are the tables ours? then the slot */
inline release_slot(t) {
  view[t] = false;
  put(t, 5 + t, false);
  mine = tables_for;
#ifdef BUG_R13_CLEAR
  put(t, 1 + 2 * table + t, false);
#else
  if
  :: mine != forks                                                         /* frozen: the table is the children's */
  :: mine == forks -> mine = table; put(t, 1 + 2 * mine + t, false)
  fi;
#endif
  d_step { mine = 0; seen = 0 }
}

/* The end of a thread. The last unmaps what the process has; nothing is pinned then, and the children's table was given up. */
inline finish(t) {
  if :: t == 0 -> drain() :: else fi;
  d_step {
    ended++;
    if
    :: ended == 2 -> drain_now(); assert(table == 0 || (!pins[2] && !pins[3] && old_replaced));
       maps[table]--; if :: table == 1 && !old_replaced -> maps[0]-- :: else fi
    :: else
    fi } }

proctype Getter() { byte seen, mine, n; bool found, goto_again;
  do
  :: n < GETS -> get(0); n++;
     if :: view[0] -> assert(state != FREE); release_slot(0) :: else fi
  :: n < GETS -> break
  :: n == GETS -> break
  od;
  finish(0) }

proctype Forker() { byte seen, mine; bool found, goto_again;
  if
  :: true ->
     atomic { !fork_lock -> fork_lock = true };
     forks++;                                                              /* before_fork */
     d_step { child = true; child_view = view[0]; maps[0]++ };   /* fork: views of this instant are the child's too */
     fork_lock = false;
  :: true
  fi;
  get(1);
  if :: view[1] -> assert(state != FREE); release_slot(1) :: else fi;
  finish(1) }

proctype Child() {
  (child || ended == 2);
  if
  :: child -> assert(!child_view || state != FREE);
     d_step { child_view = false; maps[0]-- }                              /* a release does nothing; the end unmaps */
  :: else
  fi;
  child_ended = true }

proctype Worker() { bool pinned;
  do
  :: state == LIVE || state == DELETED ->
     if :: state == LIVE -> state = BUSY :: else fi;                       /* mark */
     drain();                                        /* barrier */
     pinned = false;
     if :: have[0] && (pins[0] || pins[1]) -> pinned = true :: else fi;    /* scan, one table after the other */
     if :: have[1] && (pins[2] || pins[3]) -> pinned = true :: else fi;
     d_step { if :: pinned -> state = DELETED                              /* decide */
              :: else -> state = FREE; assert(!view[0] && !view[1] && !child_view) fi }
#ifdef BUG_R8
  :: atomic { have[0] && ended == 2 -> have[0] = false; pins[0] = false; pins[1] = false }
#endif
  :: atomic { have[0] && maps[0] == 0 -> have[0] = false; pins[0] = false; pins[1] = false }       /* nobody_writes: dropped */
  :: atomic { have[1] && maps[1] == 0 -> have[1] = false; pins[2] = false; pins[3] = false }
  :: atomic { state == FREE && ended == 2 && child_ended && !have[0] && !have[1] -> break }
  od }

init { atomic { have[0] = true; maps[0] = 1; run StoreBuffer(); run Getter(); run Forker(); run Child(); run Worker() } }
