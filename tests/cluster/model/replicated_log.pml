/* The protocol of docs/CLUSTER.md, for Spin: an archive that several nodes keep by way of one
 * Kafka topic. `run` checks it, and that each fault of the list below is found.
 *
 * Kafka is taken at its word, at this grain: a transaction is none, ongoing or prepared; prepared,
 * it will be committed, and the answer may be sent before a reader sees its records; whoever
 * initialises the transactional id ends what is ongoing, waits for what is prepared, and gets a
 * new epoch; a request with an older epoch is refused. Pauses, delays and zombies are any node's
 * steps coming late; a message that is lost is one more thing that can happen to it.
 *
 * Faults, each with a -D:
 *   ACK_BEFORE_COMMIT    a decision is answered when it is in the local archive
 *   REPEAT_AT_ONCE       a repeated request is answered although its record is not committed yet
 *   SERVE_UNREAD         a new primary serves without reading to the end
 *   STALE_END            it believes a broker that names an end from before
 *   KEEP_TAIL            what was written and never committed is not cut off
 *   READ_UNCOMMITTED     a standby takes records of a transaction that is not committed
 *   FORGET_PREPARED      taking over ends a prepared transaction, too (Kafka does not)
 *   NO_FENCE             Kafka takes requests of an old epoch (it does not) */

#ifndef NODES
#define NODES 3
#endif
#ifndef REQUESTS
#define REQUESTS 3
#endif
#ifndef EPOCHS
#define EPOCHS 4 /* take-overs and timeouts */
#endif
#define RECORDS (REQUESTS + 1) /* room for one that is doubled */
#define UNKNOWN 255

mtype = {down, follower, taking, primary}; /* of a node */
mtype = {none, ongoing, prepared};         /* of the transaction */

typedef Node {
    mtype mode;
    byte epoch;          /* that it got when it took over */
    byte length;         /* records in its archive */
    byte known;          /* of them known to be committed */
    byte end;            /* taking: where it reads to */
    byte sent;           /* records of its transaction, from `known` on; 0: it has none */
    bool asked, replied; /* to commit; and the answer is on its way */
    byte record[RECORDS];
}
Node node[NODES];

/* Kafka: what a reader of committed records sees, and the one transactional id. */
byte log[RECORDS], log_length;
byte epoch;
mtype state = none;
byte pending[RECORDS], pending_length, pending_base;

bool acknowledged[REQUESTS + 1]; /* by request; 0 is none */

byte i, j, r; /* of the steps; reset after each, so that they are no state */

inline in_log(request, found) {
    found = 0;
    for (j : 0 .. RECORDS - 1) {
        if
        :: j < log_length && log[j] == request -> found = 1
        :: state == prepared && j < pending_length && pending[j] == request -> found = 1
        :: else
        fi
    }
}

bool is_there;

inline acknowledge(request) {
    acknowledged[request] = true;
    in_log(request, is_there);
    assert(is_there) /* answered, and it can be lost */
}

/* The place of a request in a node's archive; RECORDS: none. */
byte place;
inline find(n, request) {
    place = RECORDS;
    for (j : 0 .. RECORDS - 1) {
        if
        :: j < node[n].length && node[n].record[j] == request && place == RECORDS -> place = j
        :: else
        fi
    }
}

/* It knows that it is no primary: what the log does not have goes. */
inline step_down(n) {
    node[n].mode = follower;
    node[n].epoch = 0;
    node[n].end = 0;
    node[n].sent = 0;
    node[n].asked = false;
    node[n].replied = false;
#ifndef KEEP_TAIL
    j = 0;
    do
    :: j < node[n].length && j < log_length && node[n].record[j] == log[j] -> j++
    :: else -> break
    od;
    node[n].length = j;
    for (j : 0 .. RECORDS - 1) {
        if
        :: j >= node[n].length -> node[n].record[j] = 0
        :: else
        fi
    }
#endif
    node[n].known = node[n].length
}

#ifdef NO_FENCE
#define IS_CURRENT(n) true
#else
#define IS_CURRENT(n) (node[n].epoch == epoch)
#endif

/* What must hold after every step. */
inline check() {
    for (i : 1 .. REQUESTS) {
        if
        :: acknowledged[i] -> in_log(i, is_there); assert(is_there) /* acknowledged, then lost */
        :: else
        fi
    }
    for (i : 0 .. NODES - 1) {
        for (j : 0 .. RECORDS - 1) {
            if /* a standby holds what all hold, and nothing else */
            :: node[i].mode == follower && j < node[i].length ->
                assert(j < log_length && node[i].record[j] == log[j])
            /* and what the primary knows to be committed is, or certainly will be */
            :: (node[i].mode == primary || node[i].mode == taking) && IS_CURRENT(i) &&
               j < node[i].known ->
                assert((j < log_length && node[i].record[j] == log[j]) ||
                       (state == prepared && j >= pending_base &&
                        j < pending_base + pending_length &&
                        node[i].record[j] == pending[j - pending_base]))
            :: else
            fi
        }
    }
}

inline clear() {
    i = 0; j = 0; r = 0; place = 0; is_there = false
}

active proctype world() {
    byte n;
    /* All begin as standbys of an empty log. */
    d_step {
        for (n : 0 .. NODES - 1) { node[n].mode = follower }
        n = 0
    }
end:
    do
    :: atomic {
        select(n : 0 .. NODES - 1);
        if
        /* ---- a client asks, for the first time or again ---- */
        :: node[n].mode == primary ->
            select(r : 1 .. REQUESTS);
            find(n, r);
            if
            :: place == RECORDS && node[n].length < RECORDS ->
                node[n].record[node[n].length] = r;
                node[n].length++;
#ifdef ACK_BEFORE_COMMIT
                acknowledge(r)
#endif
#ifdef REPEAT_AT_ONCE
            :: place < RECORDS -> acknowledge(r)
#else
            :: place < node[n].known -> acknowledge(r)
#endif
            :: else
            fi

        /* ---- the primary ships ---- */
        :: node[n].mode == primary && node[n].sent == 0 && node[n].known < node[n].length &&
           (state == none || !IS_CURRENT(n)) ->
            if
            :: IS_CURRENT(n) ->
                select(r : 1 .. RECORDS);
                if
                :: r > node[n].length - node[n].known -> r = node[n].length - node[n].known
                :: else
                fi;
                node[n].sent = r;
                state = ongoing;
                pending_base = node[n].known;
                pending_length = r;
                for (j : 0 .. RECORDS - 1) {
                    if
                    :: j < r -> pending[j] = node[n].record[node[n].known + j]
                    :: else -> pending[j] = 0
                    fi
                }
            :: else -> step_down(n)
            fi
        :: node[n].mode == primary && node[n].sent > 0 && !node[n].asked ->
            if
            :: IS_CURRENT(n) && state == ongoing ->
                state = prepared;
                node[n].asked = true;
                node[n].replied = true
            :: else -> step_down(n)
            fi
        :: node[n].asked && node[n].replied -> /* the answer arrives, however late */
            for (i : 0 .. RECORDS - 1) {
                if
                :: i >= node[n].known && i < node[n].known + node[n].sent ->
                    acknowledge(node[n].record[i])
                :: else
                fi
            }
            node[n].known = node[n].known + node[n].sent;
            node[n].sent = 0;
            node[n].asked = false;
            node[n].replied = false
        :: node[n].asked && node[n].replied -> node[n].replied = false /* or it is lost */
        :: node[n].asked && !node[n].replied -> /* and asked for again */
            if
            :: IS_CURRENT(n) -> node[n].replied = true
            :: else -> step_down(n)
            fi

        /* ---- standbys ---- */
        :: node[n].mode == follower && node[n].length < log_length ->
            node[n].record[node[n].length] = log[node[n].length];
            node[n].length++;
            node[n].known = node[n].length
#ifdef READ_UNCOMMITTED
        :: node[n].mode == follower && state == ongoing && node[n].length == log_length ->
            node[n].record[node[n].length] = pending[0];
            node[n].length++;
            node[n].known = node[n].length
#endif

        /* ---- taking over: by command or because of the lease, which may be wrong ---- */
#ifdef FORGET_PREPARED
        :: node[n].mode == follower && epoch < EPOCHS ->
#else
        :: node[n].mode == follower && epoch < EPOCHS && state != prepared ->
#endif
            state = none;
            pending_length = 0;
            pending_base = 0;
            for (j : 0 .. RECORDS - 1) { pending[j] = 0 }
            epoch++;
            node[n].epoch = epoch;
            node[n].end = UNKNOWN;
#ifdef SERVE_UNREAD
            node[n].mode = primary
#else
            node[n].mode = taking
#endif
        /* The record that it commits to find the end is in the log behind all others, or is
         * refused. It is no request, so only its place is kept. */
#ifdef STALE_END
        :: node[n].mode == taking && node[n].end == UNKNOWN ->
            select(r : 0 .. log_length);
            node[n].end = r
#else
        :: node[n].mode == taking && node[n].end == UNKNOWN &&
           (state == none || !IS_CURRENT(n)) ->
            if
            :: IS_CURRENT(n) -> node[n].end = log_length
            :: else -> step_down(n)
            fi
#endif
        :: node[n].mode == taking && node[n].end != UNKNOWN && node[n].length < node[n].end ->
            node[n].record[node[n].length] = log[node[n].length];
            node[n].length++;
            node[n].known = node[n].length
        :: node[n].mode == taking && node[n].end != UNKNOWN && node[n].length >= node[n].end ->
            node[n].end = 0;
            node[n].mode = primary

        /* ---- death and return ---- */
        :: node[n].mode != down ->
            node[n].mode = down;
            node[n].epoch = 0;
            node[n].end = 0;
            node[n].sent = 0;
            node[n].asked = false;
            node[n].replied = false
        :: node[n].mode == down -> step_down(n)

        /* ---- Kafka: records of a prepared transaction can be seen; a silent one ends ---- */
        :: state == prepared ->
            assert(pending_base == log_length); /* decided on the history that all have */
            for (j : 0 .. RECORDS - 1) {
                if
                :: j < pending_length ->
                    for (i : 0 .. RECORDS - 1) {
                        if
                        :: i < log_length -> assert(log[i] != pending[j]) /* counted twice */
                        :: else
                        fi
                    }
                    assert(log_length < RECORDS);
                    log[log_length] = pending[j];
                    log_length++;
                    pending[j] = 0
                :: else
                fi
            }
            state = none;
            pending_length = 0;
            pending_base = 0
        :: state == ongoing && epoch < EPOCHS ->
            state = none;
            pending_length = 0;
            pending_base = 0;
            for (j : 0 .. RECORDS - 1) { pending[j] = 0 }
            epoch++
        :: else
        fi;
        check();
        clear();
        n = 0
       }
    od
}
