// SPDX-License-Identifier: Apache-2.0
/* The data path (design 3.2 to 3.4): get, put, compose, delete, move, reclaim, void; any client and the worker killed at
 * any step. The labels are those of shm/worker/{harvest,retire,rebuild}.cc.
 *
 * Client A puts the blob M into its arena (extent 0) and uses the arena again when it is empty. Client B gets M and puts
 * the object O, which has M as member. Reader R gets M, or O and then M. The worker harvests, deletes, moves M between its
 * own extents 1 and 2, reclaims, and uses its free extents again. Index, outboxes and pin tables outlive the worker.
 * A pin lingers in its reader's store buffer; with FENCES there is no membarrier: readers fence, and the worker's own
 * marks linger.
 *
 * Checked: a view shows the bytes of what it pinned; no object in the index has a freed member; what was published and not
 * deleted stays; what was deleted stays so, unless it is a member; in the end nothing is left (an invalid end state).
 *
 * Variants of the world: FENCES; HOSTILE (A spoils its record or its outbox is
 * left unread, B names M without a look or a pin); STOPS (a harvest may stop
 * for want of memory); CLOSES (connections are closed while views and writers live on).
 * Broken on purpose, each must fail:
 *   BUG_R1             no barrier between mark and scan           BUG_R1_WORKER     FENCES: the worker does not fence
 *   BUG_R2             harvest before the scan                    BUG_R2_STOPPED    STOPS: goes on as if all was harvested
 *   BUG_R3             the composer does not pin the member
 *   BUG_R4_UNPUBLISHED HOSTILE: a member counts before its writer's tail is past it, and what is taken back is freed
 *   BUG_R4_TAKE_BACK   HOSTILE: an outbox is left unread (R16), and a member that is taken back is freed, not void
 *   BUG_R4_FREED       HOSTILE: a refused member is freed though an object refers to it
 *   BUG_R5             a dead writer's grants are taken back unharvested
 *   BUG_R5_HANGUP      CLOSES: a closed connection is taken for the end of a writer
 *   BUG_R6             a deleted, pinned object does not occupy its arena
 *   BUG_R7_ROOT        only the root is pinned                    BUG_R7_SWITCH     the place is switched before the scan
 *   BUG_R8             CLOSES: pins go with the connection
 *   BUG_R12_BUSY       busy stays busy after a worker's death     BUG_R12_RETURN    deleted becomes live again
 *   BUG_R12_PLACE      the place is stored before the bytes are complete
 *   BUG_WAITING        what came back as a member still waits to be deleted */
#define FREE 0
#define LEASED 1
#define LIVE 2
#define BUSY 3
#define DELETED 4
#define VOID 5
#define A 0
#define B 1
#define R 2
#define M 0
#define O 1
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef MOVES
#define MOVES 1
#endif

byte state[2], place;           /* the index; place of M */
byte bytes[3];                  /* 1: M's. 0: A's arena; 1, 2: the worker's */
bool tail[2], harvested[2];     /* of A and B: one record each */
byte present;                   /* entries in A's arena, as the control block says */
bool pin[6];                    /* pin[2 * client + entry] */
bool buffered[3]; byte slot[3]; /* one buffered pin store for each client */
bool dead[3], gone[3], closed[3];
bool spoiled, hostile_b;
bool asked[2];                  /* somebody asked for its deletion */
bool deleted[2];                /* and was told that it is done */
bool waiting;                   /* the worker's private list has M */
byte crashes, moves, stops;
bool mark_lingers; byte marked; /* FENCES: the mark in the worker's store buffer, and of what */

#ifdef FENCES
#define SEEN(i) (mark_lingers && marked == (i) -> LIVE : state[i])
#else
#define SEEN(i) state[i]
#endif
#define HAS_BYTES(s) ((s) == LIVE || (s) == BUSY || (s) == DELETED)
#define REFERENCES (HAS_BYTES(state[O]))            /* of M: deleted but pinned parents count */
#define IN_ARENA (HAS_BYTES(state[M]) && place == 0)

inline drain_now(c) { if :: buffered[c] -> pin[2 * c + slot[c]] = true; buffered[c] = false; slot[c] = 0 :: else fi }
inline set_pin(c, i) {
#ifdef FENCES
  pin[2 * c + i] = true
#else
  d_step { drain_now(c); buffered[c] = true; slot[c] = i }
#endif
}
inline unpin(c, i) { d_step { drain_now(c); pin[2 * c + i] = false } }
#define MAY_DIE if :: goto die :: skip fi

active proctype StoreBuffers() {
  do
  :: atomic { buffered[B] -> drain_now(B) }
  :: atomic { buffered[R] -> drain_now(R) }
  :: atomic { mark_lingers -> mark_lingers = false }
  :: gone[A] && gone[B] && gone[R] && !mark_lingers -> break
  od }

active proctype ClientA() {
  state[M] == LEASED;                                   /* granted */
#ifdef CLOSES
  if :: closed[A] = true :: skip fi;
#endif
  MAY_DIE;
  bytes[0] = 1; MAY_DIE;
  tail[A] = true; MAY_DIE;                              /* publish */
#ifdef HOSTILE
  if :: spoiled = true; bytes[0] = 0 :: skip fi;        /* its own record and bytes: nobody promises anything about M */
#endif
  /* R6: again from the start, when it is harvested and nothing is in it */
  if :: harvested[A] && present == 0 -> bytes[0] = 0 :: true fi;
die: skip;
  d_step { dead[A] = true; closed[A] = true } }

#define GETTABLE(i, c) (SEEN(i) == LIVE || (SEEN(i) == LEASED && tail[c]))

active proctype ClientB() {
#ifdef HOSTILE
  if :: hostile_b = true; goto publish :: skip fi;
#endif
#ifndef BUG_R3
  set_pin(B, M); MAY_DIE;
#endif
  if
  :: atomic { GETTABLE(M, A) && !(SEEN(M) == LEASED && spoiled) -> skip }
  :: atomic { !(GETTABLE(M, A) && !(SEEN(M) == LEASED && spoiled)) -> goto out }
  fi;
  MAY_DIE;
publish: skip;
  d_step { drain_now(B); tail[B] = true }; MAY_DIE;
out: skip;
  unpin(B, M);
die: skip;
  d_step { drain_now(B); dead[B] = true; closed[B] = true } }

active proctype Reader() { byte where; bool through_o;
  if :: through_o = true :: skip fi;
  if
  :: through_o ->
     set_pin(R, O); MAY_DIE;
     if
     :: atomic { GETTABLE(O, B) -> skip }
     :: atomic { !GETTABLE(O, B) -> goto out }
     fi
  :: else
  fi;
  MAY_DIE;
#ifdef BUG_R7_ROOT
  if :: through_o -> goto look :: else fi;
#endif
  set_pin(R, M); MAY_DIE;
look: skip;
  if
  :: atomic { SEEN(M) == LIVE -> where = place }
  :: atomic { SEEN(M) == LEASED && tail[A] && !spoiled -> where = 0 };       /* the record; then the entry again */
     if :: SEEN(M) == LEASED :: SEEN(M) != LEASED -> goto look fi
  :: atomic { SEEN(M) != LIVE && !(SEEN(M) == LEASED && tail[A] && !spoiled) ->
     assert(!(through_o && SEEN(O) == LIVE && SEEN(M) == FREE)); goto out }   /* a member says void, or asks the worker */
  fi;
#ifdef CLOSES
  closed[R] = true;
#endif
  assert(bytes[where] == 1 || spoiled); MAY_DIE;
  assert(bytes[where] == 1 || spoiled);
out: skip;
  unpin(R, M); MAY_DIE; unpin(R, O);
die: skip;
  d_step { drain_now(R); dead[R] = true; closed[R] = true } }

/* ---------------------------------------------------------------------------------------------- the worker */
#define WORKER_DIES if :: crashes < CRASHES -> crashes++; goto rebuild :: skip fi

inline free_m() { d_step { assert(!REFERENCES); state[M] = FREE; waiting = false } }
/* free, then left: the count follows the entry */
inline leave_arena() { d_step { if :: place == 0 && present > 0 -> present-- :: else fi } }

inline harvest_a() {
  if
  :: tail[A] && !harvested[A] && established[A] ->
     if
     :: state[M] == LEASED && !spoiled ->
        present++; WORKER_DIES;                                                /* blob_counted */
        d_step { place = 0; state[M] = LIVE }; WORKER_DIES                     /* make_live */
     :: state[M] == LEASED && spoiled ->                                       /* refuse */
        d_step { if
#ifndef BUG_R4_FREED
                 :: REFERENCES -> state[M] = VOID
                 :: !REFERENCES -> state[M] = FREE
#else
                 :: true -> state[M] = FREE
#endif
                 fi }; WORKER_DIES
     :: else                                                                   /* by a predecessor that died before it counted */
     fi;
     harvested[A] = true; WORKER_DIES                                          /* before_counter */
  :: else
  fi }

#ifdef BUG_R4_UNPUBLISHED
#define MEMBER_COUNTS (state[M] == LEASED || HAS_BYTES(state[M]))
#else
#define MEMBER_COUNTS ((state[M] == LEASED && tail[A] && established[A]) || HAS_BYTES(state[M]))
#endif
inline harvest_b() {
  if
#ifdef STOPS
  :: tail[B] && !harvested[B] && established[B] && stops == 0 -> stops++; stopped = true
#endif
  :: tail[B] && !harvested[B] && established[B] ->
     if
     :: state[O] == LEASED && MEMBER_COUNTS ->
        d_step { if :: state[M] == DELETED -> state[M] = LIVE :: else fi;      /* member_revived */
                 if :: state[M] == LIVE -> asked[M] = false :: else fi; deleted[M] = false }; WORKER_DIES;
        state[O] = LIVE; WORKER_DIES                                           /* document_home, make_live */
     :: state[O] == LEASED && !MEMBER_COUNTS ->
        assert(hostile_b || spoiled);                                          /* an honest object is lost */
        state[O] = FREE; WORKER_DIES
     :: else
     fi;
     harvested[B] = true; WORKER_DIES
  :: else
  fi }

inline barrier() {
#ifdef FENCES
#ifndef BUG_R1_WORKER
  mark_lingers = false
#else
  skip
#endif
#else
#ifndef BUG_R1
  d_step { drain_now(B); drain_now(R) }
#else
  skip
#endif
#endif
}
inline scan(i) { pinned = false;
  if :: !gone_pins[B] && pin[2 * B + i] -> pinned = true :: else fi; WORKER_DIES;
  if :: !gone_pins[R] && pin[2 * R + i] -> pinned = true :: else fi }
inline decide_o() {
  if
  :: pinned -> d_step { state[O] = DELETED; deleted[O] = true }
  :: else -> d_step { state[O] = FREE; deleted[O] = true; if :: state[M] == VOID -> state[M] = FREE :: else fi }
  fi }

bool established[2] = true; bool gone_pins[3];

active proctype Worker() { bool pinned, stopped; byte i, c, to;
  d_step { state[M] = LEASED; state[O] = LEASED };
  goto loop;
rebuild: skip;
  d_step {                                                                     /* private state is gone */
    pinned = false; stopped = false; i = 0; c = 0; to = 0; mark_lingers = false;
#ifndef BUG_R12_BUSY
    if :: state[M] == BUSY -> state[M] = LIVE :: else fi;                      /* R12: what its place says */
    if :: state[O] == BUSY -> state[O] = LIVE :: else fi;
#endif
#ifdef BUG_R12_RETURN
    if :: state[M] == DELETED -> state[M] = LIVE :: else fi;
#endif
    waiting = (state[M] == DELETED);
    if :: state[M] == VOID && !REFERENCES -> state[M] = FREE :: else fi;
    present = (IN_ARENA -> 1 : 0)
  };
loop: skip;
  d_step { pinned = false; stopped = false; i = 0; c = 0; to = 0;
    assert(!(state[M] == LIVE && deleted[M])); assert(!(state[O] == LIVE && deleted[O]));
    assert(!(HAS_BYTES(state[O]) && state[M] == FREE)) };
  if
  :: tail[A] && !harvested[A] && established[A] -> harvest_a(); goto loop
  :: tail[B] && !harvested[B] && established[B] -> harvest_b(); goto loop
  :: state[M] == LIVE -> i = M; goto retire
  :: state[O] == LIVE -> i = O; goto retire
#ifdef BUG_WAITING
  :: waiting && state[M] != FREE -> i = M; goto retry
#else
  :: waiting && state[M] == DELETED -> i = M; goto retry
#endif
  :: state[O] == DELETED -> i = O; goto retry
  :: state[M] == LIVE && moves < MOVES -> moves++; goto move
  :: atomic { !(HAS_BYTES(state[M]) && place == 1) && bytes[1] -> bytes[1] = 0 }; goto loop     /* its free extents are used again */
  :: atomic { !(HAS_BYTES(state[M]) && place == 2) && bytes[2] -> bytes[2] = 0 }; goto loop
  :: dead[A] && !gone[A] -> c = A; goto leave
  :: dead[B] && !gone[B] -> c = B; goto leave
  :: dead[R] && !gone[R] -> c = R; goto sweep_pins
#ifdef BUG_R5_HANGUP
  :: closed[A] && established[A] -> c = A; goto leave
#endif
#ifdef BUG_R8
  :: closed[R] && !gone_pins[R] -> gone_pins[R] = true; goto loop
#endif
  :: gone[A] && gone[B] && gone[R] && state[M] == FREE && state[O] == FREE -> goto end
  fi;

retire:                                                                        /* ids to be deleted */
  asked[i] = true;
  d_step {                                                                     /* mark */
#ifdef FENCES
    mark_lingers = true; marked = i;
#endif
    state[i] = BUSY }; WORKER_DIES;                                            /* marked */
  barrier(); WORKER_DIES;
#ifdef BUG_R2
  harvest_a(); harvest_b();
#endif
  scan(i); WORKER_DIES;                                                        /* scanned */
#ifndef BUG_R2
  harvest_a(); harvest_b();
#endif
#ifndef BUG_R2_STOPPED
  if :: stopped -> pinned = true :: else fi;
#endif
  /* decide */
  if
  :: i == M && REFERENCES -> d_step { state[M] = LIVE; asked[M] = false; waiting = false; deleted[M] = false }       /* kept */
  :: i == M && !REFERENCES && pinned -> d_step { state[M] = DELETED; waiting = true; deleted[M] = true
#ifdef BUG_R6
       ; if :: place == 0 && present > 0 -> present-- :: else fi
#endif
     }
  :: i == M && !REFERENCES && !pinned -> free_m(); WORKER_DIES; leave_arena(); deleted[M] = true    /* reclaim: freed, left */
  :: i == O -> decide_o()
  fi;
  WORKER_DIES; goto loop;                                                      /* decided */

retry:                                                                         /* deleted ones: are their pins gone? */
#ifdef BUG_WAITING
  if :: i == M && state[M] == LIVE && !REFERENCES -> assert(asked[M]); goto loop :: i == M && state[M] != DELETED -> goto loop :: else fi;
#endif
  barrier(); WORKER_DIES; scan(i); WORKER_DIES; harvest_a(); harvest_b();
#ifndef BUG_R2_STOPPED
  if :: stopped -> pinned = true :: else fi;
#endif
  if
  :: i == M && state[M] != DELETED                                             /* came back */
  :: i == M && state[M] == DELETED && REFERENCES -> d_step { state[M] = LIVE; asked[M] = false; waiting = false; deleted[M] = false }
  :: i == M && state[M] == DELETED && !REFERENCES && pinned
  :: i == M && state[M] == DELETED && !REFERENCES && !pinned -> free_m(); WORKER_DIES; leave_arena()
  :: i == O -> decide_o()
  fi;
  WORKER_DIES; goto loop;

move:                                                                          /* copied while live (R7) */
  to = (place == 1 -> 2 : 1);
#ifdef BUG_R12_PLACE
  state[M] = BUSY; bytes[to] = 0; place = to; WORKER_DIES;
  bytes[to] = 1; state[M] = LIVE; goto loop;
#endif
  bytes[to] = bytes[place]; WORKER_DIES;
#ifdef BUG_R7_SWITCH
  place = to; if :: present > 0 -> present-- :: else fi; barrier(); scan(M); goto loop;
#endif
  d_step {                                                                     /* mark */
#ifdef FENCES
    mark_lingers = true; marked = M;
#endif
    state[M] = BUSY }; WORKER_DIES;
  barrier(); WORKER_DIES;
  scan(M); WORKER_DIES; harvest_a(); harvest_b();
#ifndef BUG_R2_STOPPED
  if :: stopped -> pinned = true :: else fi;
#endif
  if
  :: pinned -> state[M] = LIVE
  :: else -> i = place; place = to; WORKER_DIES;                               /* place_switched */
     state[M] = LIVE; d_step { if :: i == 0 && present > 0 -> present-- :: else fi }
  fi;
  WORKER_DIES; goto loop;

leave:                                                                         /* R5: nobody maps its outbox: harvest, take back, unlist */
#if !defined(BUG_R5) && !defined(BUG_R5_HANGUP)
  if
  :: c == A -> harvest_a()
#ifdef HOSTILE
  :: c == A && spoiled                                                         /* expel: R16, its outbox is left unread */
#endif
  :: c == B -> harvest_b()
  fi;
  if :: stopped -> goto loop :: else fi;
#endif
#ifdef BUG_R5_HANGUP
  if :: c == A && tail[A] -> harvest_a() :: c == B -> harvest_b() :: else fi;
#endif
  if
  :: c == A && state[M] == LEASED ->
#ifndef BUG_R5_HANGUP
     assert(!tail[A] || spoiled);                                              /* what was published is not taken back */
#endif
     d_step { if
#if !defined(BUG_R4_UNPUBLISHED) && !defined(BUG_R4_TAKE_BACK)
              :: REFERENCES -> state[M] = VOID                                 /* take_back: as when it is refused */
#endif
              :: else -> state[M] = FREE
              fi }
  :: c == B && state[O] == LEASED -> assert(!tail[B]); state[O] = FREE
  :: else
  fi;
  WORKER_DIES;
  established[c] = false; WORKER_DIES;
#ifdef BUG_R5_HANGUP
  if :: c == A && !dead[A] -> (dead[A]); assert(!tail[A] || harvested[A]) :: else fi;
#endif
sweep_pins:                                                                    /* R8: nobody maps its table */
  if :: dead[c] -> d_step { gone_pins[c] = true; pin[2 * c] = false; pin[2 * c + 1] = false; gone[c] = true } :: else fi;
  goto loop;
end: skip }
