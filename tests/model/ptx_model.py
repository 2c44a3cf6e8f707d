"""ptx_model.py - decides a litmus test under the PTX memory model, by trying every execution.

    python3 ptx_model.py FILE.litmus ...      python3 ptx_model.py FILE.txt ... (published verdicts)

An execution is a choice of traces (events.py), of the order of operations on each mbarrier, of the write that
each read returns, and of the orders of fence.sc and of writes; it counts if the axioms (axioms.py) allow it.
Choices are dropped as soon as causality forbids them.  An execution in which a thread polls or waits for ever
is a *hang*: there, a polling read returns the last value that it must in time see.  Claims are about
executions that end.
"""
import sys
from itertools import permutations, product

from axioms import Execution, bits
from events import traces_of
from litmus import Malformed, holds, operands, parse_litmus, parse_verdicts


def possible(condition, want, registers):
    """Whether it may be `want` (True, False), given the registers and nothing of the locations."""
    kind = condition[0]
    if kind == "not":
        return possible(condition[1], not want, registers)
    if kind in ("and", "or"):
        parts = [possible(c, want, registers) for c in condition[1:]]
        return all(parts) if (kind == "and") == want else any(parts)
    if any(isinstance(x, str) for x in condition[1:]):
        return True
    return holds(condition, registers) == want


class Meeting:
    """Runs the threads to their barriers, to find out how far each comes and who synchronises with whom."""

    def __init__(self, test, traces):
        self.test, self.traces = test, traces
        self.position = [0] * len(traces)  # of each thread
        self.count = {}  # (barrier, thread) -> arrivals
        self.came = {}   # (thread, place) of an event -> (barrier, which arrival)
        self.members = {}
        for n, thread in enumerate(test.threads):
            for i in thread.code:
                if i.op[0] in ("bar", "barrier"):
                    self.members.setdefault(self.barrier(n, i.args[0] if i.args else "cluster"), set()).add(n)
        while any([self.advance(n) for n in range(len(traces))]):
            pass

    def barrier(self, n, resource):
        thread = self.test.threads[n]
        return thread.cluster if resource == "cluster" else thread.cta, resource

    def advance(self, n):
        """Runs thread n until it ends or has to wait; whether that changed anything."""
        moved = False
        while self.position[n] < len(self.traces[n].events):
            place = (n, self.position[n])
            event = self.traces[n].events[place[1]]
            if event.kind == "B":
                moved |= self.arrive(event, place)
                if event.what[0] in ("sync", "cluster.wait") and not self.complete(*self.came[place]):
                    break
            self.position[n] += 1
            moved = True
        return moved

    def arrive(self, event, place):
        if place in self.came:
            return False
        barrier = self.barrier(place[0], event.what[1])
        key = (barrier, place[0])
        self.count[key] = self.count.get(key, 0) + (event.what[0] != "cluster.wait")
        self.came[place] = (barrier, self.count[key])
        return True

    def complete(self, barrier, which):
        return all(self.count.get((barrier, m), 0) >= which for m in self.members[barrier])

    def edges(self):
        """Pairs of (thread, place) that synchronise."""
        happened = [(a, b) for a, b in self.came.items() if a[1] < self.position[a[0]]]
        event = lambda place: self.traces[place[0]].events[place[1]]
        return [(a, b) for a, x in happened for b, y in happened
                if x == y and a[0] != b[0] and self.synchronise(event(a), event(b))]

    @staticmethod
    def synchronise(a, b):
        if a.what[0] == "cluster.arrive":
            return b.what[0] == "cluster.wait" and a.release and b.acquire
        return b.what[0] == "sync"


def phases_of(events, order, ready):
    """The state of an mbarrier after each operation: (phase, where each phase ended, whether it exists).
    ready: whether it exists at the beginning."""
    states, phase, pending, bytes_left, ended = [], 0, 1, 0, {}
    for k, m in enumerate(order):
        kind = events[m].what[0]
        if kind == "init":
            phase, pending, bytes_left, ended, ready = 0, 1, 0, {}, True
        elif ready:
            bytes_left += events[m].what[1] if kind == "arrive" else -events[m].what[1]
            pending -= kind == "arrive"
            if pending == 0 and bytes_left == 0:
                ended = {**ended, phase: k}
                phase, pending = phase + 1, 1
        states.append((phase, ended, ready))
    return states


class Search:
    """All executions of a test; strict: st.async orders no more than a bulk copy does."""

    def __init__(self, test, strict=False):
        self.test, self.traces = test, traces_of(test, strict)
        self.tried = 0

    def executions(self, want, hangs):
        """(execution, registers, finals per location) that the axioms allow; want: truth of the condition."""
        done = set()
        for traces in product(*self.traces):
            staying = any(t.stays for t in traces)
            if staying and not hangs:
                continue
            registers = lambda x: traces[x[0]].registers.get(x[1], 0)
            if not staying and not hangs and not possible(self.test.condition, want, registers):
                continue
            meeting = Meeting(self.test, traces)
            cuts = meeting.position
            ends = all(c == len(t.events) for c, t in zip(cuts, traces)) and not staying
            if ends == hangs:
                continue
            key = tuple(tuple((e.kind, e.value, e.stays) for e in t.events[:c]) for t, c in zip(traces, cuts))
            if key in done:
                continue
            done.add(key)
            ex = Execution(self.test, list(zip(traces, cuts)), meeting.edges())
            for finals in self.bars(ex):
                yield ex, registers, finals

    def bars(self, ex):
        """Chooses the order of each mbarrier's operations, then what every wait has seen."""
        choices = [[(bar, p) for p in permutations(ms) if self.in_order(ex, p, ex.base)]
                   for bar, ms in ex.bars.items()]
        for chosen in product(*choices):
            orders = dict(chosen)
            options = [self.seen_by(ex, t, orders.get(ex.events[t].location, ())) for t in ex.waits]
            for seen in product(*options):
                at = dict(zip(ex.waits, seen))
                phases = {t: orders[ex.events[t].location][:end + 1]
                          for t, (_, end) in at.items() if end is not None}
                yield from self.reads(ex, orders, at, phases)

    @staticmethod
    def in_order(ex, order, rows):
        return not any(rows[b] >> a & 1 for k, a in enumerate(order) for b in order[k + 1:])

    @staticmethod
    def seen_by(ex, t, order):
        """The places (in the order, end of the phase waited for) at which wait t may find the mbarrier."""
        e = ex.events[t]
        states = phases_of(ex.events, order, ex.test.init.get(e.location) == 1)
        if e.stays:  # for ever: it finds the last state, and that is not the one it waits for
            phase, _, ready = states[-1] if states else (0, {}, ex.test.init.get(e.location) == 1)
            return [(len(order) - 1, None)] if not ready or phase % 2 == e.what[1] else []
        found = []
        for k, (phase, ended, ready) in enumerate(states):
            if ready and phase % 2 != e.what[1]:
                found.append((k, ended.get(phase - 1)))  # parity 1 of a new mbarrier "ended" before it began
        return found

    def waits_fit(self, ex, orders, at, rows):
        """Coherence of the mbarriers with base causality."""
        for order in orders.values():
            if not self.in_order(ex, order, rows):
                return False
        for t, (k, _) in at.items():
            for j, m in enumerate(orders.get(ex.events[t].location, ())):
                if rows[m] >> t & 1 and j > k or rows[t] >> m & 1 and j <= k:
                    return False
            for other, (j, _) in at.items():
                if ex.po[t] >> other & 1 and ex.events[t].location == ex.events[other].location and j < k:
                    return False
        return True

    def reads(self, ex, orders, at, phases):
        """Chooses the write that each read returns, the reads one after another."""
        init = ex.test.init
        candidates = {}
        for r in ex.reads:
            e = ex.events[r]
            found = [w for w in ex.writes if w != ex.rmw.get(r) and
                     (ex.events[w].location, ex.events[w].value) == (e.location, e.value)]
            if init.get(e.location, 0) == e.value:
                found.append(None)
            if not found:
                return
            candidates[r] = found
        left = sorted(candidates, key=lambda r: len(candidates[r]))
        yield from self.read(ex, orders, at, phases, left, candidates, {})

    def read(self, ex, orders, at, phases, left, candidates, rf):
        self.tried += 1
        rows, seen = ex.causality(rf, phases)
        if not self.waits_fit(ex, orders, at, rows) or ex.contradicts(rf, rows, seen):
            return
        while left and len(candidates[left[0]]) == 1:
            rf = {**rf, left[0]: candidates[left[0]][0]}
            left = left[1:]
            if not left:
                return (yield from self.read(ex, orders, at, phases, left, candidates, rf))
        if left:
            for w in candidates[left[0]]:
                yield from self.read(ex, orders, at, phases, left[1:], candidates, {**rf, left[0]: w})
            return
        if ex.thin_air(rf, phases):
            return
        for order in ex.fence_orders(rows):
            rows, seen = ex.causality(rf, phases, order)
            if any(rows[f] >> f & 1 for f in ex.fences) or not self.waits_fit(ex, orders, at, rows) or \
                    ex.contradicts(rf, rows, seen):
                continue
            finals = {}
            for location in {ex.events[i].location for i in ex.writes + ex.reads}:
                finals[location] = ex.finals(location, rf, rows, seen)
                if not finals[location]:
                    break
            else:
                yield finals

    # ---- questions ----

    def found(self, want):
        """Whether an execution that ends makes the condition `want`."""
        locations = [x for x in operands(self.test.condition) if isinstance(x, str)]
        for ex, registers, finals in self.executions(want, False):
            value = lambda w, x: self.test.init.get(x, 0) if w is None else ex.events[w].value
            for last in product(*(finals.get(x, {None}) for x in locations)):
                memory = {x: value(w, x) for x, w in zip(locations, last)}
                both = lambda x: memory[x] if isinstance(x, str) else registers(x)
                if holds(self.test.condition, both) == want:
                    return True
        return False

    def hangs(self):
        return any(True for _ in self.executions(None, True))

    def claim(self):
        """Whether exists, ~exists, forall or ends holds."""
        quantifier = self.test.quantifier
        if quantifier == "ends":
            return not self.hangs()
        if quantifier == "exists":
            return self.found(True)
        return not self.found(quantifier == "~exists")

    def ends(self):
        """Whether there is an execution at all, so that a claim about all of them says something."""
        return self.found(True) or self.found(False)


def decide(test, strict=False):
    """"proved", or what is wrong: "violated", "hangs", "nothing to claim" (no execution ends)."""
    search = Search(test, strict)
    if not search.claim():
        return "violated"
    if search.hangs():
        return "hangs"
    return "proved" if search.ends() else "nothing to claim"


def main(paths):
    for path in paths:
        text = open(path, encoding="utf-8").read()
        if path.endswith(".litmus"):
            test = parse_litmus(text)
            print(test.name, decide(test))
            continue
        for test in parse_verdicts(text):
            print(test.name, "as published" if Search(test).claim() == test.published else "NOT as published")


if __name__ == "__main__":
    main(sys.argv[1:])
