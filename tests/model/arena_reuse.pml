// SPDX-License-Identifier: Apache-2.0
/* R6: when a writer may use its arena again from the start (design 3.2).
 *
 * Two threads of one writer share an arena of EXTENTS extents. Each reserves an extent, writes it in place, and publishes a
 * record that names it. The arena is started again when no extent is open, `harvested` is past the last record that names
 * the arena, and `arena_present` is 0 - read in this order (shm/arena_writer.cc). The worker harvests, deletes with and
 * without a reader, moves away, and is killed between any two of its steps (shm/worker/harvest.cc, retire.cc, arenas.cc);
 * its successor recounts (rebuild.cc).
 *
 * Checked: bytes are not written while somebody else's record, entry or view names them; in the end nothing is left over
 * (else: an invalid end state).
 *
 * Broken on purpose, each must fail:
 *   BUG_R6_DELETED            a deleted, still viewed object does not count
 *   BUG_R6_COUNT_LATE         counted only after the entry is live and the position is counted (R10)
 *   BUG_R6_LEFT_EARLY         the count goes down before the entry is free
 *   BUG_R6_PRESENT_FIRST      the writer reads the count before the counter
 *   BUG_R6_HARVESTED_ALONE    the writer does not look at the count
 *   BUG_R6_REBUILD_FROM_ZERO  a successor shows 0 before it has counted
 *   BUG_R6_OPEN               extents that are still being written are forgotten */
#ifndef CRASHES
#define CRASHES 1
#endif
#define FREE 0
#define LEASED 1
#define LIVE 2
#define DELETED 3
#ifndef EXTENTS
#define EXTENTS 1
#endif
#ifndef PUTS
#define PUTS 2
#endif

byte st[PUTS];                  /* the entry of each put: ids are never used twice */
bool home[PUTS];                /* moved: its bytes are the worker's now */
bool viewed[PUTS];              /* by a pinned reader */
byte at[PUTS];                  /* which extent */
byte bytes[EXTENTS];            /* contents: the put that wrote it, + 1 */
byte record[PUTS];              /* the ring: the put behind each position, + 1 */
byte tail, harvested, present;  /* outbox; control block */
byte used, puts, until, open_extents, threads;   /* the writer's private state */
bool lock;
byte crashes, freed;

bool record_of[PUTS];           /* published */

/* No published record, entry or view but the writer's own names the extent that is written now. */
inline check_unnamed(put, extent) {
  d_step { i = 0; do :: i < PUTS -> assert(!(i != put && record_of[i] && at[i] == extent && !home[i] && st[i] != FREE)); i++ :: else -> break od; i = 0 } }

proctype Thread() { byte put, extent, count, i; bool settled;
  do
  :: atomic { !lock -> lock = true };
     if
     :: puts == PUTS -> lock = false; break
     :: puts < PUTS && used == EXTENTS ->
#ifdef BUG_R6_PRESENT_FIRST
        count = present;
#endif
#ifdef BUG_R6_OPEN
        settled = (harvested >= until);                           /* is_settled */
#else
        settled = (harvested >= until && open_extents == 0);
#endif
#ifndef BUG_R6_PRESENT_FIRST
        count = present;                                          /* is_empty: after the counter */
#endif
#ifdef BUG_R6_HARVESTED_ALONE
        count = 0;
#endif
        if :: settled && count == 0 -> used = 0 :: else fi;       /* start_again */
        lock = false
     :: puts < PUTS && used < EXTENTS ->
        d_step { put = puts; puts++; extent = used; used++; open_extents++; at[put] = extent };     /* reserve */
        lock = false;
        check_unnamed(put, extent); bytes[extent] = put + 1;
        check_unnamed(put, extent); assert(bytes[extent] == put + 1);   /* nobody else was given it meanwhile */
        atomic { !lock -> lock = true };
        d_step { record[tail] = put + 1; record_of[put] = true; tail++; until = tail; open_extents-- };   /* publish, closed */
        lock = false
     fi
  od;
  threads-- }

#define CRASH if :: crashes < CRASHES -> crashes++; goto rebuild :: skip fi
#define NAMES(p) ((st[p] == LIVE || st[p] == DELETED) && !home[p])
#define IN_ARENA(p, n) d_step { if :: !home[p] -> counted = counted + n - 1; present = counted :: else fi }
#define PICK(p, s) atomic { st[p] == s -> q = p }

proctype Worker() { byte q, counted;
rebuild: skip;
  d_step { q = 0; counted = 0 };
#ifdef BUG_R6_REBUILD_FROM_ZERO
  present = 0;
#endif
  do                                                              /* entered: the control block is written as the count grows */
  :: q < PUTS -> if :: NAMES(q) -> counted++; present = counted :: else fi; q++
  :: else -> break
  od;
  present = counted;                                              /* finish_rebuild */
loop:
  q = 0;
  if
  :: harvested < tail -> goto harvest
  :: PICK(0, LIVE) -> goto choose
  :: PICK(1, LIVE) -> goto choose
#if PUTS > 2
  :: PICK(2, LIVE) -> goto choose
#endif
#if PUTS > 3
  :: PICK(3, LIVE) -> goto choose
#endif
  :: PICK(0, DELETED) -> goto wait
  :: PICK(1, DELETED) -> goto wait
#if PUTS > 2
  :: PICK(2, DELETED) -> goto wait
#endif
#if PUTS > 3
  :: PICK(3, DELETED) -> goto wait
#endif
  :: atomic { threads == 0 && harvested == PUTS && freed == PUTS -> goto end }
  fi;
harvest:
  q = record[harvested] - 1;
  if
  :: st[q] == LEASED ->
#ifdef BUG_R6_COUNT_LATE
     st[q] = LIVE; CRASH; harvested++; CRASH; IN_ARENA(q, 2); goto loop
#else
     IN_ARENA(q, 2); CRASH;                                       /* blob_counted: before the entry */
     st[q] = LIVE; CRASH                                          /* make_live, before_counter */
#endif
  :: else                                                         /* finished by a predecessor */
  fi;
  harvested++; CRASH; goto loop;                                  /* R10: entry first, counter after */
choose:
  if
  :: true -> goto decide                                          /* somebody deletes it */
  :: !home[q] && !viewed[q] -> home[q] = true; CRASH;             /* switch_place: the copy is complete, nobody views it */
     d_step { counted--; present = counted }; goto loop           /* left */
  :: !home[q] && !viewed[q] -> viewed[q] = true; goto loop        /* a reader comes ... */
  :: viewed[q] -> assert(bytes[at[q]] == q + 1); viewed[q] = false; goto loop     /* ... and goes */
  fi;
decide:
  if
  :: viewed[q] -> st[q] = DELETED; CRASH;                         /* out of sight, its bytes wait for the last pin */
#ifdef BUG_R6_DELETED
     IN_ARENA(q, 0);
#endif
     goto loop
  :: else -> goto reclaim
  fi;
wait:
  if
  :: viewed[q] -> assert(bytes[at[q]] == q + 1); viewed[q] = false; goto loop
  :: !viewed[q]
  fi;
reclaim: skip;
#ifdef BUG_R6_DELETED
  if :: st[q] == LIVE -> skip :: else -> d_step { st[q] = FREE; freed++ }; goto loop fi;
#endif
#ifdef BUG_R6_LEFT_EARLY
  skip;
  IN_ARENA(q, 0); CRASH;
  d_step { st[q] = FREE; freed++ };
#else
  d_step { st[q] = FREE; freed++ }; CRASH;                        /* freed: one store; the counts follow */
  IN_ARENA(q, 0);
#endif
  goto loop;
end: skip }

init { byte i;
  atomic {
    do :: i < PUTS -> st[i] = LEASED; i++ :: else -> break od;
    threads = 2; run Thread(); run Thread(); run Worker() } }
