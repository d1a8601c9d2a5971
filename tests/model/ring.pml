// SPDX-License-Identifier: Apache-2.0
/* Grants, the outbox's two rings, harvest, and the doorbell (design 3.2 to 3.4; R5, R9, R10, R11, R12).
 *
 * A ring of one record (two words) and one document, so that both are overwritten all the time; two entries, which are
 * used again and again. The writer puts PUTS objects and may die at any step; a reader gets what was published, by the
 * client's rules of design 3.3; the worker grants, harvests, frees, sleeps until somebody publishes, and is killed between
 * any two of its steps. The writer's tail may linger in its store buffer.
 *
 * Checked: a reader never uses a mixed or foreign record or document; no id is lent twice; what was published and not
 * freed is never reported absent, nor lost when its writer dies; a sleeping worker is woken (a lost wake-up is an invalid
 * end state); in the end every entry is free.
 *
 * NO_READER and NO_SLEEP leave the reader or the doorbell out, for a quick search.
 *
 * Broken on purpose, each must fail:
 *   BUG_R5            a dead writer's grants are taken back before its outbox was harvested
 *   BUG_R9_RECORD     no second look after the record was copied
 *   BUG_R9_DOCUMENT   the second look comes before the document is copied
 *   BUG_R10_GRANT     the grant is shown before the entry is leased
 *   BUG_R10_COUNTER   the position is counted before the entry is live
 *   BUG_R11_BARRIER   no barrier between `wanted` and the second look
 *   BUG_R11_LOOK      no second look
 *   BUG_R12_GRANT     a successor keeps leases that nobody was shown
 *   BUG_R12_SINCE     since when an entry is live takes the place of its lease before it is live */
#ifndef PUTS
#define PUTS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#define FREE 0
#define LEASED 1
#define LIVE 2
#define SINCE 200                                       /* in the place of a lease: a time */
#define ID(i) (generation[i] * 2 + i + 1)
#define INDEX(id) (((id) - 1) % 2)
#define BIT(id) (1 << (id))

byte state[2], generation[2], lease[2], content[2];     /* the index: content stands for place and document at home */
byte grant, granted, harvested; bool wanted, established = true;     /* the control block, a window of one */
byte record1, record2, document1, document2, tail;      /* the outbox */
bool tail_buffered, dead, writer_done;                  /* the writer's store buffer; nobody maps its outbox */
bool bell;                                              /* a message */
byte told;                                              /* the last id whose put returned */
short freed, lent, published;                           /* a bit for each id */
byte crashes;

#define DRAIN if :: tail_buffered -> tail++; tail_buffered = false :: else fi

active proctype StoreBuffer() {
end: do
  :: atomic { tail_buffered -> tail++; tail_buffered = false }
  od }

#define MAY_DIE if :: goto die :: skip fi
active proctype Writer() { byte p, id;
  do
  :: p < PUTS -> (granted > p && harvested >= p);       /* has_room: a grant, and the slot of the ring was harvested */
     id = grant;
     document1 = id; document2 = id;
     record1 = id; record2 = id; MAY_DIE;
     d_step { tail_buffered = true; published = published | BIT(id) };   /* publish: one release store */
     if                                                 /* a look at wanted, which may pass the store */
     :: wanted -> atomic { !tail_buffered -> bell = true }               /* a message is a barrier */
     :: !wanted
     fi;
     atomic { !tail_buffered -> told = id }; MAY_DIE;
     p++
  :: else -> break
  od;
die: skip; d_step { DRAIN; dead = true; writer_done = true } }

#define SAYS(id, s) (ID(INDEX(id)) == id && state[INDEX(id)] == s)
#ifndef NO_READER
active proctype Reader() { byte id, l, r1, r2, d1, d2;
  do
  :: told && !writer_done -> id = told;
again: if
     :: atomic { SAYS(id, LIVE) -> r1 = content[INDEX(id)] }; assert(r1 == id)      /* pinned: nothing changes under it (data_path.pml) */
     :: SAYS(id, LEASED) ->
        l = lease[INDEX(id)];
        if :: tail > l :: tail <= l -> goto again fi;   /* is_published */
        r1 = record1; r2 = record2;
#ifdef BUG_R9_DOCUMENT
        if :: SAYS(id, LEASED) :: !SAYS(id, LEASED) -> goto again fi;
#endif
        d1 = document1; d2 = document2;
#if !defined(BUG_R9_RECORD) && !defined(BUG_R9_DOCUMENT)
        if :: SAYS(id, LEASED) :: !SAYS(id, LEASED) -> goto again fi;    /* still_says */
#endif
        assert(r1 == id && r2 == id && d1 == id && d2 == id)
     :: atomic { !SAYS(id, LIVE) && !SAYS(id, LEASED) -> assert(freed & BIT(id)) }   /* only what was freed is absent */
     fi;
     d_step { id = 0; l = 0; r1 = 0; r2 = 0; d1 = 0; d2 = 0 }
  :: writer_done -> break
  od }
#endif

#define CRASH if :: crashes < CRASHES -> crashes++; goto rebuild :: skip fi
#define FREE_ENTRY(i) d_step { freed = freed | BIT(ID(i)); state[i] = FREE; generation[i]++ }
/* Frees what was lent and is not published: an id that was published must not go this way. */
#define TAKE_BACK(i) d_step { assert(!(published & BIT(ID(i)))); freed = freed | BIT(ID(i)); state[i] = FREE; generation[i]++ }

active proctype Worker() { byte i;
rebuild: skip;
  d_step { i = 0; wanted = false };
#ifndef BUG_R12_GRANT
  if :: state[0] == LEASED && !(lease[0] >= harvested && lease[0] < granted && grant == ID(0)) -> TAKE_BACK(0) :: else fi;   /* lease_was_shown */
  if :: state[1] == LEASED && !(lease[1] >= harvested && lease[1] < granted && grant == ID(1)) -> TAKE_BACK(1) :: else fi;
#endif
loop: skip;
  d_step { i = 0 };
  if
  :: established && granted == harvested && granted < PUTS && (state[0] == FREE || state[1] == FREE) ->
     if :: state[0] == FREE -> i = 0 :: state[1] == FREE -> i = 1 fi; goto grant_one
  :: established && harvested < tail -> goto harvest
  :: state[0] == LIVE -> i = 0; goto reclaim
  :: state[1] == LIVE -> i = 1; goto reclaim
#ifndef NO_SLEEP
  :: established && granted > harvested && tail == harvested && !dead -> goto sleep
#endif
  :: established && dead -> goto leave
  :: !established && state[0] == FREE && state[1] == FREE -> goto end
  fi;

grant_one:
#ifdef BUG_R10_GRANT
  grant = ID(i); CRASH;
  d_step { assert(!(lent & BIT(ID(i)))); lent = lent | BIT(ID(i)); granted++ }; CRASH;
  lease[i] = granted - 1; state[i] = LEASED; CRASH; goto loop;
#else
  lease[i] = granted; state[i] = LEASED; CRASH;          /* lease: leased first */
  grant = ID(i); CRASH;                                  /* grant.leased, grant.written */
  d_step { assert(!(lent & BIT(ID(i)))); lent = lent | BIT(ID(i)); granted++ }; CRASH; goto loop;   /* R10: shown after */
#endif

harvest: skip;
  d_step { i = INDEX(grant) };
#ifdef BUG_R10_COUNTER
  harvested++; CRASH;
#endif
  if
  :: ID(i) == grant && state[i] == LEASED ->             /* else: finished by a predecessor that died before it counted */
     assert(record1 == grant && record2 == grant && document1 == grant && document2 == grant);
     content[i] = record2; CRASH;                        /* document_home */
#ifdef BUG_R12_SINCE
     lease[i] = SINCE; CRASH; state[i] = LIVE; CRASH
#else
     state[i] = LIVE; CRASH;                             /* make_live, before_since */
     lease[i] = SINCE; CRASH                             /* before_counter */
#endif
  :: else
  fi;
#ifndef BUG_R10_COUNTER
  harvested++; CRASH;                                    /* R10: entry first, counter after */
#endif
  goto loop;

reclaim: skip; FREE_ENTRY(i); CRASH; goto loop;                /* somebody deletes it; pins are the matter of data_path.pml */

sleep:                                                   /* somebody waits for an object that is not there yet */
  wanted = true;
#ifndef BUG_R11_BARRIER
  d_step { DRAIN };                                      /* membarrier */
#endif
#ifdef BUG_R11_LOOK
  (bell || dead); bell = false; wanted = false; goto loop;
#else
  if
  :: harvested < tail -> wanted = false
  :: harvested == tail -> (bell || dead); bell = false; wanted = false    /* a message, or a hang-up */
  fi;
  goto loop;
#endif

leave:                                                   /* R5: nobody maps the outbox. Harvested first, then taken back */
#ifdef BUG_R5
  i = 0;
#else
  if :: harvested < tail -> goto harvest :: else fi;
#endif
  if :: harvested < granted && SAYS(grant, LEASED) -> TAKE_BACK(INDEX(grant)); CRASH :: else fi;
  granted = harvested; CRASH;
  established = false; goto loop;
end: skip }
