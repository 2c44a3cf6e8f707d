"""events.py - what a thread of a litmus test can do: its traces.

A trace is the thread's events for one choice of what its reads return, in program order.  A thread that polls
has two kinds of traces: it sees what it waits for and goes on, or it never does and stays there.
Asynchronous operations (st.async, cp.async.bulk) are events of no thread: an issue event of the thread comes
before them, and edges of their own order them among themselves.
"""
from dataclasses import dataclass, replace

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
    scope = next((s for s in SCOPES if s in words), "gpu")
    return scope, bool(words & {"acquire", "acq_rel"}), bool(words & {"release", "acq_rel"})


@dataclass
class State:
    """How far a thread has come: its trace so far, and which reads the registers and branches depend on."""
    thread: int
    events: list
    registers: dict
    known: dict           # register -> reads
    control: frozenset    # reads that branches and polls used
    edges: list

    def number(self, word):
        """A constant, or a register and the reads it comes from."""
        if word.lstrip("-").isdigit():
            return int(word), frozenset()
        return self.registers.get(word, 0), self.known.get(word, frozenset())

    def decide(self, condition):
        """Whether it holds, and the reads that say so."""
        reads = (self.known.get(r, frozenset()) for r in operands(condition))
        return holds(condition, lambda r: self.registers.get(r, 0)), frozenset().union(*reads)

    def event(self, kind, needs=frozenset(), **fields):
        return Event(kind, self.thread, needs=needs | self.control, **fields)

    def then(self, *events, edges=(), register=None, value=None, reads=frozenset()):
        """The state behind these events, which may have set a register."""
        registers, known = self.registers, self.known
        if register:
            registers, known = {**registers, register: value}, {**known, register: reads}
        return replace(self, events=self.events + list(events), registers=registers, known=known,
                       edges=self.edges + list(edges))


class Walk:
    """Walks through the code of one thread, a branch for every value that a read may return."""

    def __init__(self, test, number, domain, strict):
        self.test, self.number, self.domain, self.strict = test, number, domain, strict
        self.code = test.threads[number].code
        self.traces = []

    def run(self):
        init = ((k, v) for k, v in self.test.init.items() if isinstance(k, tuple))
        registers = {register: value for (thread, register), value in init if thread == self.number}
        self.step(0, State(self.number, [], registers, {}, frozenset(), []))
        return self.traces

    def step(self, at, state):
        if at == len(self.code):
            self.end(state)
            return
        i = self.code[at]
        if i.guard:
            taken, reads = state.decide(i.guard)
            state = replace(state, control=state.control | reads)
            if not taken:
                self.step(at + 1, state)
                return
        for after in self.kind_of(i)(i, state):
            self.step(at + 1, after)

    def end(self, state, stays=False):
        self.traces.append(Trace(state.events, state.registers, state.edges, stays))

    def kind_of(self, i):
        name, words = i.op[0], set(i.op)
        if name == "st" and "async" in words:
            return self.async_store
        if name in STORES:
            return self.store
        if name in LOADS:
            return self.load
        found = {"atom": self.atomic, "red": self.atomic, "fence": self.fence, "bar": self.barrier,
                 "barrier": self.cluster_barrier, "mbarrier": self.mbarrier, "cp": self.copy,
                 "mov": self.compute, "add": self.compute, "sub": self.compute}.get(name)
        if not found:
            raise Malformed(f"{self.test.name}: instruction {i.text()!r}")
        return found

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

    def values(self, name):
        return sorted(self.domain.get(self.place(name)["location"], {0}))

    # ---- the instructions: each yields the states behind it ----

    def store(self, i, state):
        scope, _, release = order_of(i.op)
        value, reads = state.number(i.args[1])
        yield state.then(state.event("W", value=value, needs=reads, scope=scope, release=release,
                                     proxy=STORES[i.op[0]], **self.place(i.args[0])))

    def load(self, i, state):
        scope, acquire, _ = order_of(i.op)
        n = frozenset({len(state.events)})
        for value in self.values(i.args[1]):
            read = state.event("R", value=value, scope=scope, acquire=acquire, proxy=LOADS[i.op[0]],
                               **self.place(i.args[1]))
            after = state.then(read, register=i.args[0], value=value, reads=n)
            if i.until and not after.decide(i.until)[0]:
                read.stays = True
                self.end(after, True)
                continue
            yield replace(after, control=after.control | n) if i.until else after

    def atomic(self, i, state):
        """atom and red: a read and the write it belongs to.  A poll that fails changes nothing: only the last
        time counts."""
        scope, acquire, release = order_of(i.op)
        n, kind = len(state.events), i.op[-1]
        register, address, words = (None, i.args[0], i.args[1:]) if i.op[0] == "red" else \
            (i.args[0], i.args[1], i.args[2:])
        given = [state.number(w) for w in words]
        for old in self.values(address):
            read = state.event("R", value=old, scope=scope, acquire=acquire, reduction=register is None,
                               **self.place(address))
            after = state.then(read, register=register, value=old, reads=frozenset({n}))
            if i.until and not after.decide(i.until)[0]:
                continue
            if kind == "cas" and old != given[0][0]:
                yield after
                continue
            value = given[1][0] if kind == "cas" else ARITHMETIC[kind](old, given[0][0])
            reads = frozenset().union(*(g[1] for g in given)) | (frozenset() if kind == "exch" else {n})
            yield after.then(state.event("W", value=value, scope=scope, release=release, pair=n, needs=reads,
                                         **self.place(address)))

    def fence(self, i, state):
        if "proxy" in i.op:
            yield state.then(state.event("P", proxy=".".join(i.op[2:])))
            return
        scope, acquire, release = order_of(i.op)
        sc = "sc" in i.op
        yield state.then(state.event("F", scope=scope, sc=sc, acquire=sc or acquire, release=sc or release,
                                     only_init="mbarrier_init" in i.op))

    def barrier(self, i, state):
        yield state.then(state.event("B", what=(i.op[-1], i.args[0])))

    def cluster_barrier(self, i, state):
        ordered = "relaxed" not in i.op
        what = (f"cluster.{i.op[2]}", "cluster")
        yield state.then(state.event("B", what=what, acquire=ordered, release=ordered))

    def mbarrier(self, i, state):
        place, ordered = self.place(i.args[0]), "relaxed" not in i.op
        scope = next((s for s in SCOPES if s in i.op), "cta")
        if i.op[1] == "init":
            yield state.then(state.event("M", what=("init",), **place))
        elif i.op[1] == "arrive":
            what = ("arrive", int(i.args[1]))
            yield state.then(state.event("M", what=what, release=ordered, scope=scope, **place))
        else:
            wait = dict(what=("parity", int(i.args[1])), acquire=ordered, scope=scope, **place)
            self.end(state.then(state.event("T", stays=True, **wait)), True)
            yield state.then(state.event("T", **wait))

    def async_store(self, i, state):
        """st.async to, value, mbarrier: a write and a completion."""
        value, reads = state.number(i.args[1])
        n, transitive = len(state.events), not self.strict
        yield state.then(
            state.event("I"),
            state.event("W", value=value, needs=reads, asynchronous=True, **self.place(i.args[0])),
            state.event("M", what=("complete", 1), release=True, scope="cluster", asynchronous=True,
                        **self.place(i.args[2])),
            edges=[(n, n + 1, transitive), (n, n + 2, transitive), (n + 1, n + 2, True)])

    def copy(self, i, state):
        """cp.async.bulk to+to, from, mbarrier+mbarrier: a read, and for each block that receives it a write,
        the proxy fence of the completion, and the completion."""
        n = len(state.events)
        for value in self.values(i.args[1]):
            events = [state.event("I"), state.event("R", value=value, proxy="async", asynchronous=True,
                                                    **self.place(i.args[1]))]
            edges = [(n, n + 1, False)]
            for to, bar in zip(i.args[0].split("+"), i.args[2].split("+")):
                k = n + len(events)
                events += [state.event("W", value=value, needs=frozenset({n + 1}), proxy="async",
                                       asynchronous=True, **self.place(to)),
                           state.event("P", proxy="async", asynchronous=True),
                           state.event("M", what=("complete", 1), release=True, scope="cluster",
                                       asynchronous=True, **self.place(bar))]
                edges += [(n, k, False), (n, k + 1, False), (n, k + 2, False)]
                edges += [(n + 1, k, True), (k, k + 1, True), (k + 1, k + 2, True)]
            yield state.then(*events, edges=edges)

    def compute(self, i, state):
        """mov, add, sub: on registers."""
        given = [state.number(w) for w in i.args[1:]]
        value = given[0][0] if len(given) == 1 else ARITHMETIC[i.op[0]](given[0][0], given[1][0])
        yield state.then(register=i.args[0], value=value, reads=frozenset().union(*(g[1] for g in given)))


def traces_of(test, strict=False):
    """The traces of each thread.  Values are those that some write of some trace may give a location; none
    depends on itself, so none takes more steps than there are writes."""
    domain = {}
    for where, value in test.init.items():
        if isinstance(where, str) and where not in test.mbarriers:
            domain.setdefault(where, set()).add(value)
    writes = sum(i.op[0] in ("st", "sust", "atom", "red", "cp") for t in test.threads for i in t.code)
    for _ in range(writes + 1):
        all_traces = [Walk(test, n, domain, strict).run() for n in range(len(test.threads))]
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
