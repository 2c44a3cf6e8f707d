"""axioms.py - one candidate execution and the axioms of the PTX memory model.

PTX ISA, chapter "Memory Consistency Model" (8.x; since 7.5 with proxies), as formalised by Lustig,
Sahasrabuddhe and Giroux, "A Formal Analysis of the NVIDIA PTX Memory Consistency Model", ASPLOS 2019, and
Lustig, Cooksey and Giroux, "Mixed-Proxy Extensions for the NVIDIA PTX Memory Consistency Model", ISCA 2022.
The chapter's words:

  morally strong   in program order, or both strong with scopes that include each other; one proxy and address
  observation      a write to a morally strong read of it, perhaps through atomic operations
  synchronises     release pattern -> acquire pattern that observes it; fence.sc -> later fence.sc; barriers
  base causality   (program order + synchronises)+
  causality        base causality that proxies preserve, perhaps after one observation

  Coherence        causality between writes is coherence
  FenceSC          base causality has no circle of fence.sc
  Atomicity        nothing comes between an atomic operation's read and its write
  No-Thin-Air      reads-from and dependencies have no circle
  SC-per-Location  nor have morally strong communication and program order of one location
  Causality        no read sees what causality puts after it, or what causality has overwritten

What the manual says of Hopper: the events of an asynchronous operation come after what its thread did before,
but not before what it does later.  The complete-tx of a bulk copy orders only the copy itself, not what was
before it (8.9.1.1); that of st.async, which is not in that list, releases like any other release.  The
completion of a bulk copy contains a proxy fence.  The operations on an mbarrier are atomic at any scope;
scopes say whom they order.

A relation is a list of bit masks: bit j of rows[i] says i -> j.
"""
from itertools import permutations


def add_edge(rows, a, b):
    """Adds a -> b to a transitive relation."""
    if rows[a] >> b & 1:
        return
    new, bit = rows[b] | 1 << b, 1 << a
    for i, row in enumerate(rows):
        if row & bit or i == a:
            rows[i] = row | new


def bits(mask):
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Execution:
    """The events of one choice of traces.  Reads-from is not yet chosen."""

    def __init__(self, test, parts, barriers):
        """parts: (trace, how many of its events happen); barriers: pairs of (thread, index) that
        synchronise."""
        self.test, self.events, self.index = test, [], {}
        edges, pairs = [], []
        for thread, (trace, cut) in enumerate(parts):
            last = None
            for k, e in enumerate(trace.events[:cut]):
                self.index[thread, k] = i = len(self.events)
                self.events.append(e)
                if not e.asynchronous:
                    if last is not None:
                        pairs.append((last, i))
                    last = i
            edges += [(self.index[thread, a], self.index[thread, b], t) for a, b, t in trace.edges if b < cut]
        self.n = len(self.events)
        self.needs = [[self.index[e.thread, k] for k in e.needs] for e in self.events]
        self.partner = [None if e.pair is None else self.index[e.thread, e.pair] for e in self.events]
        self.rmw = {self.partner[i]: i for i in range(self.n) if self.partner[i] is not None}
        self.po = [0] * self.n
        for a, b in pairs:
            add_edge(self.po, a, b)
        self.base = list(self.po)
        for a, b, transitive in edges:
            if transitive:
                add_edge(self.base, a, b)
        for a, b in barriers:
            add_edge(self.base, self.index[a], self.index[b])
        self.last_steps = [(a, 1 << b) for a, b, transitive in edges if not transitive]
        of = lambda kind: [i for i, e in enumerate(self.events) if e.kind == kind]
        self.reads, self.writes, self.fences, self.waits = of("R"), of("W"), of("F"), of("T")
        self.proxy_fences = of("P")
        memory = self.reads + self.writes
        self.has_proxies = bool(test.address) or any(self.events[i].proxy != "generic" for i in memory)
        self.bars = {}
        for i in of("M"):
            self.bars.setdefault(self.events[i].location, []).append(i)
        self.strongly = {}

    # ---- places ----

    def same_block(self, i, j):
        t = self.test.threads
        return t[self.events[i].thread].cta == t[self.events[j].thread].cta

    def includes(self, i, j):
        """Whether i's scope includes j's thread."""
        a, b = (self.test.threads[self.events[k].thread] for k in (i, j))
        scope = self.events[i].scope
        return scope == "sys" or scope == "gpu" and a.gpu == b.gpu or \
            scope == "cluster" and a.cluster == b.cluster or scope == "cta" and a.cta == b.cta

    def morally_strong(self, i, j):
        known = self.strongly.get((i, j))
        if known is None:
            known = self.strongly[i, j] = self.strongly[j, i] = self.find_morally_strong(i, j)
        return known

    def find_morally_strong(self, i, j):
        a, b = self.events[i], self.events[j]
        if a.address is not None and b.address is not None and (a.address != b.address or a.proxy != b.proxy):
            return False
        if self.po[i] >> j & 1 or self.po[j] >> i & 1:
            return True
        return a.strong and b.strong and self.includes(i, j) and self.includes(j, i)

    # ---- patterns ----

    def releases(self, write):
        """The first operations of the release patterns that end with this write."""
        e = self.events[write]
        if not e.strong:
            return []
        found = [write] if e.release else []
        for i in self.writes:
            if self.po[i] >> write & 1 and self.events[i].release and self.events[i].address == e.address:
                found.append(i)
        return found + [f for f in self.fences if self.po[f] >> write & 1 and self.events[f].release
                        and not self.events[f].only_init]

    def acquires(self, read):
        """The last operations of the acquire patterns that begin with this read."""
        e = self.events[read]
        if not e.strong or e.reduction:
            return []
        found = [read] if e.acquire else []
        for i in self.reads:
            if self.po[read] >> i & 1 and self.events[i].acquire and self.events[i].address == e.address:
                found.append(i)
        return found + [f for f in self.fences if self.po[read] >> f & 1 and self.events[f].acquire]

    def observed(self, rf):
        """observation[write] = the reads that observe it, as a mask."""
        direct = {}
        for r, w in rf.items():
            if w is not None and self.morally_strong(r, w):
                direct.setdefault(w, []).append(r)
        rows = {}

        def of(w, seen):
            if w not in rows:
                rows[w] = 0
                for r in direct.get(w, ()):
                    rows[w] |= 1 << r
                    if r in self.rmw and self.rmw[r] not in seen:
                        rows[w] |= of(self.rmw[r], seen | {w})
            return rows[w]

        for w in direct:
            of(w, frozenset())
        return rows

    # ---- base causality ----

    def causality(self, rf, phases, fence_order=()):
        """(base causality, observation) of what is chosen; phases: wait -> mbarrier operations it has seen.
        """
        rows, seen = list(self.base), self.observed(rf)
        for w, mask in seen.items():
            for x in self.releases(w):
                for r in bits(mask):
                    for y in self.acquires(r):
                        if x != y and self.morally_strong(x, y):
                            add_edge(rows, x, y)
        for t, operations in phases.items():
            for y in self.acquires(t):
                for m in operations:
                    if self.events[m].release and self.includes(m, y) and self.includes(y, m):
                        add_edge(rows, m, y)
        for a, b in fence_order:
            add_edge(rows, a, b)
        for issue, bit in self.last_steps:  # not transitive: what is behind such an edge is an end
            mask = 1 << issue
            for i in range(self.n):
                if rows[i] & mask or i == issue:
                    rows[i] |= bit
        return rows, seen

    def preserved(self, rows, x, y):
        """Base causality from x to y that proxies preserve."""
        a, b = self.events[x], self.events[y]
        if not rows[x] >> y & 1:
            return False
        if a.address == b.address and a.proxy == b.proxy and (a.proxy == "generic" or self.same_block(x, y)):
            return True
        if not self.has_proxies:
            return False
        begins = [x] if a.proxy == "generic" else \
            [f for f in self.proxy_fences if self.crosses(f, x) and rows[x] >> f & 1]
        ends = [y] if b.proxy == "generic" else \
            [f for f in self.proxy_fences if self.crosses(f, y) and rows[f] >> y & 1]
        if a.address == b.address:
            return any(rows[p] >> q & 1 for p in begins for q in ends)
        alias = [f for f in self.proxy_fences if self.events[f].proxy == "alias"]
        return any((rows[p] >> f & 1) and (rows[f] >> q & 1) for p in begins for f in alias for q in ends)

    def crosses(self, fence, operation):
        """Whether the proxy fence is for that operation's proxy, in its block and its state space."""
        kind, _, space = self.events[fence].proxy.partition(".")
        e = self.events[operation]
        if kind != e.proxy or not self.same_block(fence, operation):
            return False
        return not space or (space == "global") == (e.location not in self.test.shared)

    def causes(self, rows, seen, x, y):
        if self.preserved(rows, x, y):
            return True
        return any(self.preserved(rows, z, y) for z in bits(seen.get(x, 0)))

    # ---- the axioms ----

    def thin_air(self, rf, phases):
        """No-Thin-Air: a circle of reads-from and dependencies."""
        rows = [0] * self.n
        edges = [(w, r) for r, w in rf.items() if w is not None]
        edges += [(m, t) for t, operations in phases.items() for m in operations]
        edges += [(r, i) for i in range(self.n) for r in self.needs[i]]
        for a, b in edges:
            if a == b or rows[b] >> a & 1:
                return True
            add_edge(rows, a, b)
        return False

    def contradicts(self, rf, rows, seen):
        """What is wrong with a part of reads-from whatever comes later: Causality with forced coherence."""
        for r, w in rf.items():
            if w is not None and self.causes(rows, seen, r, w):
                return True
            for other in self.writes:
                if other == w or self.events[other].location != self.events[r].location:
                    continue
                if (w is None or self.causes(rows, seen, w, other)) and self.causes(rows, seen, other, r):
                    return True
        return False

    def fence_orders(self, rows):
        """The orders of morally strong fence.sc that base causality allows (FenceSC)."""
        fences = [f for f in self.fences if self.events[f].sc]
        orders = set()
        for p in permutations(fences):
            pairs = [(a, b) for k, a in enumerate(p) for b in p[k + 1:] if self.morally_strong(a, b)]
            if not any(rows[b] >> a & 1 for a, b in pairs):
                orders.add(tuple(sorted(pairs)))
        return orders

    def finals(self, location, rf, rows, seen):
        """The writes that may be last at a location, over all coherence orders that the axioms allow; the
        initial write is None.  Empty: no order is allowed."""
        writes = [w for w in self.writes if self.events[w].location == location]
        reads = {r: w for r, w in rf.items() if self.events[r].location == location}
        forced = {w: 0 for w in writes}
        for a in writes:
            for b in writes:
                if a != b and self.causes(rows, seen, a, b):
                    forced[a] |= 1 << b
        strong = [(a, b) for k, a in enumerate(writes) for b in writes[k + 1:] if self.morally_strong(a, b)]
        found = set()
        for order in self.orders(forced, strong):
            if self.allowed(order, writes, reads, rows, seen):
                found |= {w for w in writes if not order[w]} or {None}
        return found

    def orders(self, order, strong):
        """Partial orders of the writes that contain `order` and relate all morally strong pairs."""
        order = dict(order)
        for a in order:  # transitive
            for b in order:
                if order[b] >> a & 1:
                    order[b] |= order[a]
        if any(mask >> w & 1 for w, mask in order.items()):
            return
        for a, b in strong:
            if not (order[a] >> b & 1 or order[b] >> a & 1):
                yield from self.orders({**order, a: order[a] | 1 << b}, strong)
                yield from self.orders({**order, b: order[b] | 1 << a}, strong)
                return
        yield order

    def allowed(self, order, writes, reads, rows, seen):
        """Causality, Atomicity, SC-per-Location and, for a thread that polls for ever, visibility."""
        everything = sum(1 << w for w in writes)
        after = {r: everything if w is None else order[w] for r, w in reads.items()}  # from-reads
        for r, mask in after.items():
            own = self.rmw.get(r)
            for w in bits(mask):
                if w != own and self.causes(rows, seen, w, r):
                    return False
                if own is not None and w != own and order[w] >> own & 1 and \
                        self.morally_strong(r, w) and self.morally_strong(w, own):
                    return False
                if self.events[r].stays and self.morally_strong(r, w):
                    return False
            if own is not None and not mask >> own & 1:
                if reads[r] is not None and self.morally_strong(r, reads[r]):
                    return False
        graph = [0] * self.n
        members = writes + list(reads)
        edges = [(a, b) for a in members for b in members
                 if self.po[a] >> b & 1 and self.events[a].address == self.events[b].address]
        edges += [(w, r) for r, w in reads.items() if w is not None and self.morally_strong(w, r)]
        edges += [(r, w) for r in reads for w in bits(after[r]) if self.morally_strong(r, w)]
        edges += [(a, b) for a in writes for b in bits(order[a]) if self.morally_strong(a, b)]
        for a, b in edges:
            if a == b or graph[b] >> a & 1:
                return False
            add_edge(graph, a, b)
        return True
