"""events.py - what a thread of a litmus test can do: its traces.

A trace is the thread's events for one choice of what its reads return, in program order.  A thread that polls
has two kinds of traces: it sees what it waits for and goes on, or it never does and stays there.
Asynchronous operations (st.async, cp.async.bulk) are events of no thread: an issue event of the thread comes
before them, and edges of their own order them among themselves.
"""
from dataclasses import dataclass, field

from litmus import Malformed, holds, operands

SCOPES = ("cta", "cluster", "gpu", "sys")
ARITHMETIC = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "exch": lambda a, b: b}
LOADS = {"ld": "generic", "suld": "surface", "tld": "texture", "cold": "constant"}
STORES = {"st": "generic", "sust": "surface"}


@dataclass
class Event:
    kind: str             # R read, W write, F fence, P proxy fence, B barrier, I issue of an async operation,
    thread: int           # M operation on an mbarrier (a write), T try_wait (a read of one)
    address: str = None   # virtual
    location: str = None  # physical
    proxy: str = "generic"  # of a memory operation; of a P: the other proxy, "alias", or "async.global" ...
    scope: str = None     # None: weak
    acquire: bool = False
    release: bool = False
    sc: bool = False
    only_init: bool = False  # fence.mbarrier_init
    value: int = None
    needs: frozenset = frozenset()  # reads (indices in the trace) that value and existence depend on
    pair: int = None      # of the W of an atomic operation: its R
    reduction: bool = False  # R of a red, which makes no acquire pattern
    what: tuple = None    # B: (instruction, resource); M: (init), (arrive or complete, bytes); T: parity
    asynchronous: bool = False
    stays: bool = False   # the thread polls here for ever

    @property
    def strong(self):
        return self.scope is not None


@dataclass
class Trace:
    events: list
    registers: dict
    edges: list          # of asynchronous events: (issue or earlier event, event, whether it is transitive)
    stays: bool = False


def order_of(op):
    """The ordering words of an instruction: (scope, acquire, release); weak ones have no scope."""
    words = set(op)
    if "volatile" in words:
        return "sys", False, False
    if "weak" in words or not words & {"relaxed", "acquire", "release", "acq_rel", "sc"}:
        return None, False, False
    scope = next((s for s in SCOPES if s in words), None)
    return scope, bool(words & {"acquire", "acq_rel"}), bool(words & {"release", "acq_rel"})


class Thread:
    """Walks through the code of one thread."""

    def __init__(self, test, number, domain, strict):
        self.test, self.number, self.domain, self.strict = test, number, domain, strict
        self.code = test.threads[number].code
        self.traces = []

    def place(self, name):
        """The virtual address and the physical location of a name.  Only generic aliases are addresses of
        their own: a surface of x is at x, through another proxy."""
        location, address = name, None
        while location in self.test.address:
            location, proxy = self.test.address[location]
            if proxy == "generic" and address is None:
                address = name
            name = location
        return {"address": address or location, "location": location}

    def values(self, address):
        return sorted(self.domain.get(self.place(address)["location"], {0}))

    def run(self):
        registers = {r: v for (t, r), v in
                     ((k, v) for k, v in self.test.init.items() if isinstance(k, tuple)) if t == self.number}
        self.step(0, [], registers, {}, frozenset(), [])
        return self.traces

    def number_of(self, word, registers, known):
        """A constant, or a register and the reads it comes from."""
        if word.lstrip("-").isdigit():
            return int(word), frozenset()
        return registers.get(word, 0), known.get(word, frozenset())

    def decide(self, condition, registers, known):
        value = lambda x: registers.get(x, 0)
        reads = (known.get(r, frozenset()) for r in operands(condition))
        return holds(condition, value), frozenset().union(*reads)

    def end(self, events, registers, edges, stays=False):
        self.traces.append(Trace(events, registers, edges, stays))

    def step(self, at, events, registers, known, control, edges):
        """All from instruction `at` on; known: register -> reads; control: reads that branches used."""
        if at == len(self.code):
            return self.end(events, registers, edges)
        i = self.code[at]
        if i.guard:
            taken, reads = self.decide(i.guard, registers, known)
            control = control | reads
            if not taken:
                return self.step(at + 1, events, registers, known, control, edges)

        def event(kind, **more):
            return Event(kind, self.number, needs=more.pop("needs", frozenset()) | control, **more)

        def go(new, registers=registers, known=known, control=control, edges=edges):
            self.step(at + 1, events + new, registers, known, control, edges)

        name, op, args = i.op[0], i.op, i.args
        scope, acquire, release = order_of(op)
        if name in STORES and "async" not in op:
            value, reads = self.number_of(args[1], registers, known)
            go([event("W", value=value, needs=reads, scope=scope, release=release, proxy=STORES[name],
                      **self.place(args[0]))])
        elif name in LOADS:
            for value in self.values(args[1]):
                after = {**registers, args[0]: value}
                read = event("R", value=value, scope=scope, acquire=acquire, proxy=LOADS[name],
                             **self.place(args[1]))
                mine = {**known, args[0]: frozenset({len(events)})}
                if i.until and not self.decide(i.until, after, mine)[0]:
                    read.stays = True
                    self.end(events + [read], after, edges, True)
                    continue
                go([read], after, mine, control | ({len(events)} if i.until else frozenset()))
        elif name in ("atom", "red"):
            self.atomic(i, event, go, len(events), registers, known, (scope or "gpu", acquire, release))
        elif name == "fence" and "proxy" in op:
            go([event("P", proxy=".".join(op[2:]))])
        elif name == "fence":
            sc = "sc" in op
            restricted = "mbarrier_init" in op
            both = sc or "acq_rel" in op
            go([event("F", scope=scope, sc=sc, acquire=both or acquire, release=both or release,
                      only_init=restricted)])
        elif name == "bar":
            go([event("B", what=(op[-1], args[0]))])
        elif name == "barrier" and op[1] == "cluster":
            ordered = "relaxed" not in op
            go([event("B", what=(f"cluster.{op[2]}", "cluster"), acquire=ordered, release=ordered)])
        elif name == "mbarrier" and op[1] == "init":
            go([event("M", what=("init",), **self.place(args[0]))])
        elif name == "mbarrier" and op[1] == "arrive":
            relaxed = "relaxed" in op
            go([event("M", what=("arrive", int(args[1])), release=not relaxed, scope=scope or "cta",
                      **self.place(args[0]))])
        elif name == "mbarrier" and op[1] == "try_wait":
            t = dict(what=("parity", int(args[1])), acquire="relaxed" not in op, scope=scope or "cta",
                     **self.place(args[0]))
            self.end(events + [event("T", stays=True, **t)], registers, edges, True)
            go([event("T", **t)])
        elif name == "st" and "async" in op:
            value, reads = self.number_of(args[1], registers, known)
            n = len(events)
            new = [event("I"), event("W", value=value, needs=reads, asynchronous=True, **self.place(args[0])),
                   event("M", what=("complete", 1), release=True, scope="cluster", asynchronous=True,
                         **self.place(args[2]))]
            before = not self.strict
            go(new, edges=edges + [(n, n + 1, before), (n, n + 2, before), (n + 1, n + 2, True)])
        elif name == "cp" and "bulk" in op:
            self.copy(i, event, go, len(events), edges)
        elif name in ("mov", "add", "sub"):
            a, reads = self.number_of(args[1], registers, known)
            if len(args) == 3:
                b, more = self.number_of(args[2], registers, known)
                a, reads = ARITHMETIC[name](a, b), reads | more
            go([], {**registers, args[0]: a}, {**known, args[0]: reads})
        else:
            raise Malformed(f"{self.test.name}: instruction {i.text()!r}")

    def atomic(self, i, event, go, n, registers, known, order):
        """atom and red: a read and the write it belongs to."""
        scope, acquire, release = order
        kind = i.op[-1]
        target, address, words = (None, i.args[0], i.args[1:]) if i.op[0] == "red" else \
            (i.args[0], i.args[1], i.args[2:])
        given = [self.number_of(w, registers, known) for w in words]
        reads = frozenset().union(*(g[1] for g in given))
        for old in self.values(address):
            after = {**registers, target: old} if target else registers
            mine = {**known, target: frozenset({n})} if target else known
            control = frozenset({n}) if i.until else frozenset()
            if i.until and not self.decide(i.until, after, mine)[0]:
                continue  # what failed changed nothing: the last time is what counts
            read = event("R", value=old, scope=scope, acquire=acquire, reduction=target is None,
                         **self.place(address))
            if kind == "cas" and old != given[0][0]:
                go([read], after, mine)
                continue
            value = given[1][0] if kind == "cas" else ARITHMETIC[kind](old, given[0][0])
            own = frozenset() if kind == "exch" else frozenset({n})
            write = event("W", value=value, scope=scope, release=release, pair=n, needs=reads | own,
                          **self.place(address))
            go([read, write], after, mine)

    def copy(self, i, event, go, n, edges):
        """cp.async.bulk to+to, from, bar+bar: a read, then for each a write, a proxy fence, a completion."""
        to, source, bars = i.args[0].split("+"), i.args[1], i.args[2].split("+")
        for value in self.values(source):
            read = event("R", value=value, proxy="async", asynchronous=True, **self.place(source))
            new = [event("I"), read]
            more = edges + [(n, n + 1, False)]
            for there, bar in zip(to, bars):
                k = n + len(new)
                new += [event("W", value=value, needs=frozenset({n + 1}), proxy="async", asynchronous=True,
                              **self.place(there)),
                        event("P", proxy="async", asynchronous=True),
                        event("M", what=("complete", 1), release=True, scope="cluster", asynchronous=True,
                              **self.place(bar))]
                more += [(n, k + j, False) for j in range(3)]
                more += [(n + 1, k, True), (k, k + 1, True), (k + 1, k + 2, True)]
            go(new, edges=more)


def traces_of(test, strict=False):
    """The traces of each thread.  Values are those that some write of some trace may give a location; none
    depends on itself, so none takes more steps than there are writes."""
    domain = {}
    for where, value in test.init.items():
        if isinstance(where, str) and where not in test.mbarriers:
            domain.setdefault(where, set()).add(value)
    writes = sum(i.op[0] in ("st", "sust", "atom", "red", "cp") for t in test.threads for i in t.code)
    for _ in range(writes + 1):
        all_traces = [Thread(test, n, domain, strict).run() for n in range(len(test.threads))]
        grown = {k: set(v) for k, v in domain.items()}
        for traces in all_traces:
            for trace in traces:
                for e in trace.events:
                    if e.kind == "W":
                        grown.setdefault(e.location, {test.init.get(e.location, 0)}).add(e.value)
        if grown == domain:
            break
        domain = grown
    return all_traces
